/** The service: everything that runs in one process, started and stopped in order. */
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { openBackground } from './background.ts';
import { attendCalls } from './calls/attend-calls.ts';
import { createFeed } from './calls/feed.ts';
import type { CallConfig } from './config.ts';
import type { Context } from './context.ts';
import { openDb } from './db.ts';
import { buildHttp } from './http/server.ts';
import { openLink, type LinkServer } from './link/server.ts';
import { openLivekit } from './livekit/client.ts';
import { openLog, type Log } from './log.ts';
import { startWorker, type CallWorker } from './worker/worker.ts';

export type Service = Readonly<{
  ctx: Context;
  /** Where HTTP listens, such as http://127.0.0.1:3000. */
  url: string;
  isReady: () => boolean;
  /** Resolves once the worker is registered and a call process is ready. */
  ready: Promise<void>;
  /** Resolves, with why, when the service can't go on. */
  failed: Promise<string>;
  activeCalls: () => number;
  /** No new calls; resolves once the running ones have ended, or after the configured drain timeout. */
  drain: () => Promise<void>;
  link: LinkServer;
  [Symbol.asyncDispose]: () => Promise<void>;
}>;

export type ServiceOptions = Readonly<{
  config: CallConfig;
  env: Readonly<Record<string, string | undefined>>;
  log?: Log;
  /** More routes: local mode's. */
  extend?: (app: FastifyInstance, ctx: Context) => void;
}>;

const ringingEveryMs = 1_000;
const inProgressEveryMs = 5_000;

/** Starts the service. What was opened is closed again where a later step fails. */
export const startService = async ({
  config,
  env,
  log = openLog(config.log),
  extend,
}: ServiceOptions): Promise<Service> => {
  await using opened = new AsyncDisposableStack();
  const db = opened.use(await openDb(config.databaseUrl, { log }));
  const background = opened.use(openBackground(log));
  const state = { isDraining: false };
  let link: LinkServer | null = null;
  let worker: CallWorker | null = null;
  const ctx: Context = {
    config,
    db,
    log,
    livekit: openLivekit(config.livekit),
    feed: createFeed(),
    ownerId: randomUUID(),
    now: () => new Date(),
    isBusy: () => state.isDraining || (link?.activeCalls() ?? 0) >= config.maxCalls,
  };
  const ready = Promise.withResolvers<void>();
  const onChange = (): void => {
    const processes = link?.ready() ?? 0;
    worker?.setReadyProcesses(processes);
    if (processes > 0 && worker?.isRegistered() === true) ready.resolve();
  };
  link = opened.use(await openLink(ctx, background, onChange));
  worker = opened.use(startWorker({ config, linkPath: link.path, log, env, onRegistered: onChange }));
  const { activeCalls, ready: readyProcesses } = link;
  const { isRegistered, drain, failed } = worker;
  const http = opened.use(
    await listen(ctx, { isRegistered, isDraining: () => state.isDraining, readyProcesses }, extend),
  );
  background.every('attend ringing calls', ringingEveryMs, () => attendCalls(ctx, ['ringing']));
  background.every('attend calls in progress', inProgressEveryMs, () => attendCalls(ctx, ['in_progress']));
  const stack = opened.move();
  return {
    ctx,
    link,
    url: http.url,
    isReady: () => isRegistered() && readyProcesses() > 0 && !state.isDraining,
    ready: ready.promise,
    failed,
    activeCalls,
    drain: async () => {
      state.isDraining = true;
      drain();
      await until(() => activeCalls() === 0, config.drainTimeoutMs);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

const listen = async (
  ctx: Context,
  readiness: Parameters<typeof buildHttp>[1],
  extend: ServiceOptions['extend'],
): Promise<{ url: string } & AsyncDisposable> => {
  const app = buildHttp(ctx, readiness);
  extend?.(app, ctx);
  const url = await app.listen({ host: ctx.config.host, port: ctx.config.port });
  return { url, [Symbol.asyncDispose]: () => app.close() };
};

const until = async (isDone: () => boolean, timeoutMs: number): Promise<void> => {
  const end = Date.now() + timeoutMs;
  while (!isDone() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
};
