/** What the service's use cases work with. Each takes only what it needs: `Pick<Context, 'db' | 'now'>`. */
import type { CallFeed } from './feed/call-feed.ts';
import type { CallConfig } from './config.ts';
import type { Db } from './database/open.ts';
import type { Livekit } from './livekit/client.ts';
import type { Log } from './log.ts';
import type { SpeechCache } from './speech-cache/speech-cache.ts';

export type Context = Readonly<{
  config: CallConfig;
  db: Db;
  log: Log;
  livekit: Livekit;
  /** Speech synthesized before the calls that need it. */
  speechCache: SpeechCache;
  /** Subscribers to live events of this process's calls. */
  feed: CallFeed;
  /** Identifies this process as the owner of the calls whose agent link it has. */
  ownerId: string;
  now: () => Date;
  /** Why no further call can be taken, such as "draining"; null: there is room. */
  busy: () => string | null;
}>;
