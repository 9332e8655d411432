/** What the service's use cases work with. Each asks for what it needs: `Pick<Context, 'db' | 'now'>`. */
import type { CallFeed } from './feed/call-feed.ts';
import type { CallConfig } from './config.ts';
import type { Db } from './database/open.ts';
import type { Livekit } from './livekit/client.ts';
import type { Log } from './log.ts';
import type { Shelf } from './speech-cache/speech-cache.ts';

export type Context = Readonly<{
  config: CallConfig;
  db: Db;
  log: Log;
  livekit: Livekit;
  /** What was spoken beforehand. */
  voices: Shelf;
  /** Who listens to the calls of this process while they happen. */
  feed: CallFeed;
  /** This process, as the owner of the calls whose link it has. */
  ownerId: string;
  now: () => Date;
  /** Why no further call can be taken, such as "draining"; null: one can. */
  busy: () => string | null;
}>;
