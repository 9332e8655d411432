/**
 * A service of a few lines in which every kind of module imports what it may: the checks must pass on it, and fail on it as
 * soon as one forbidden line is planted.
 */
export const frame = [
  'package.json',
  'tsconfig.json',
  'eslint.config.js',
  '.dependency-cruiser.js',
  '.prettierrc.json',
  '.prettierignore',
  'test/check.ts',
];

export const smallService: Readonly<Record<string, string>> = {
  'src/database/generated/sqlite/client.ts': `export class PrismaClient {}\n`,
  'src/errors.ts': `export class AppError extends Error {}\n`,
  'src/config.ts': `import { z } from 'zod';

export type Config = z.infer<typeof schema>;
const schema = z.object({ PORT: z.coerce.number() });

export const loadConfig = (env: NodeJS.ProcessEnv): Config => schema.parse(env);
`,
  'src/log.ts': `import type { Logger } from 'pino';\n\nexport type Log = Logger;\n`,
  'src/database/open.ts': `import { PrismaClient } from '#src/database/generated/sqlite/client.ts';

export type Db = PrismaClient;

export const openDb = (): Db => new PrismaClient();
`,
  'src/context.ts': `import type { Db } from './database/open.ts';
import type { LiveKit } from './livekit/client.ts';
import type { Log } from './log.ts';

export interface Context {
  db: Db;
  log: Log;
  livekit: LiveKit;
}
`,
  'src/calls/call.ts': `import type { Route } from '#src/routing/route.ts';
import { AppError } from '../errors.ts';

export interface Call {
  id: string;
  route: Route;
}

export const mustBeCall = (call: Call | null): Call => {
  if (call === null) throw new AppError('no call');
  return call;
};
`,
  'src/protocol/job.ts': `import { z } from 'zod';\n\nexport const callJob = z.object({ callId: z.string() });\n`,
  'src/calls/scoped-store.ts': `export { findCall } from './store.ts';\n`,
  'src/calls/store.ts': `import type { Db } from '#src/database/open.ts';
import { PrismaClient } from '#src/database/generated/sqlite/client.ts';
import { mustBeCall, type Call } from './call.ts';

export const findCall = (db: Db): Call | boolean => mustBeCall(null) ?? db instanceof PrismaClient;
`,
  'src/calls/receive-call.ts': `import { randomUUID } from 'node:crypto';
import type { Context } from '#src/context.ts';
import { decide } from '#src/routing/route.ts';
import { mustBeCall, type Call } from './call.ts';
import { findCall } from './store.ts';

export const receiveCall = (ctx: Pick<Context, 'db'>, call: Call): string =>
  findCall(ctx.db) ? randomUUID() : mustBeCall(call).id + decide().agentName;
`,
  'src/routing/route.ts': `export interface Route {
  agentName: string;
}

export const decide = (): Route => ({ agentName: 'telephony-agent' });
`,
  'src/protocol/messages.ts': `import { z } from 'zod';
import { callJob } from './job.ts';

export const verdict = z.object({ job: callJob });
`,
  'src/agent-link/server.ts': `import { WebSocketServer } from 'ws';
import { receiveCall } from '#src/calls/receive-call.ts';
import { verdict } from '../protocol/messages.ts';

export const openLink = () => ({ server: new WebSocketServer({ noServer: true }), verdict, receiveCall });
`,
  'src/livekit/client.ts': `import { RoomServiceClient } from 'livekit-server-sdk';
import type { Config } from '../config.ts';

export type LiveKit = RoomServiceClient;

export const openLiveKit = (config: Config): LiveKit => new RoomServiceClient(\`http://127.0.0.1:\${config.PORT}\`);
`,
  'src/livekit/room.ts': `export interface RoomEvent {
  event: string;
}
`,
  'src/livekit/webhook.ts': `import type { RoomEvent } from './room.ts';\n\nexport const readWebhook = (): RoomEvent | 'ignored' => 'ignored';\n`,
  'src/http/server.ts': `import { fastify } from 'fastify';
import type { Context } from '#src/context.ts';
import { receiveCall } from '#src/calls/receive-call.ts';
import { findCall } from '#src/calls/scoped-store.ts';
import { readWebhook } from '#src/livekit/webhook.ts';

export const openServer = (ctx: Context) => {
  const server = fastify();
  server.get('/livez', () => [findCall(ctx.db), readWebhook(), receiveCall]);
  return server;
};
`,
  'src/worker/worker.ts': `import { ServerOptions } from '@livekit/agents';

export const openWorker = () =>
  new ServerOptions({ agent: new URL('../../agents/telephony/main.ts', import.meta.url).pathname });
`,
  'src/local/demo.ts': `import { fastify } from 'fastify';
import { chromium } from 'playwright-core';

await fastify().close();
console.log(chromium.name());
`,
  'src/cli/main.ts': `import { receiveCall } from '#src/calls/receive-call.ts';\n\nconsole.log(receiveCall, process.argv);\n`,
  'src/main.ts': `import { loadConfig } from './config.ts';
import { openDb } from './database/open.ts';
import { openServer } from './http/server.ts';
import { openLink } from './agent-link/server.ts';
import { openLiveKit } from './livekit/client.ts';
import { openWorker } from './worker/worker.ts';

const config = loadConfig(process.env);
if (process.argv.includes('--start')) {
  throw new Error('not here', { cause: [config, openDb, openServer, openLink, openLiveKit, openWorker] });
}
`,
  'agents/telephony/main.ts': `import { defineAgent } from '@livekit/agents';
import { callJob } from '#src/protocol/job.ts';
import { verdict } from '#src/protocol/messages.ts';
import { AppError } from '#src/errors.ts';

export default defineAgent({
  entry: async () => {
    throw new AppError('not here', { cause: [callJob, verdict] });
  },
});
`,
};
