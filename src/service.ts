/** The service: everything that runs in one process, started and stopped in order. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { openAdmission, type Admission } from './worker/admission.ts';
import { openBackground, type Background } from './background.ts';
import { openWatchdog } from './calls/recovery/watchdog.ts';
import { deliverCommands } from './calls/control/deliver-commands.ts';
import { leaseMs, renewLeases } from './calls/ownership-store.ts';
import { redispatchRefused } from './calls/recovery/redispatch.ts';
import { createFeed } from './feed/call-feed.ts';
import { openCallerSearch } from './calls/recovery/find-callers.ts';
import { purge } from './calls/privacy/purge.ts';
import { openReconciler } from './calls/recovery/reconcile.ts';
import { warmUpCalls } from './calls/agent-session/warm-up-calls.ts';
import type { CallConfig } from './config.ts';
import type { OpenStatus } from './protocol/call-status.ts';
import { until } from './time-limit.ts';
import type { Context } from './context.ts';
import { openDb, type Db } from './database/open.ts';
import type { Readiness } from './http/health.ts';
import { AppError, describeError } from './errors.ts';
import { buildHttp } from './http/server.ts';
import { openAgentLink, type AgentLink } from './agent-link/server.ts';
import { openLivekit } from './livekit/client.ts';
import { openLog, type Log } from './log.ts';
import { openPreparation } from './campaigns/prepare-speech.ts';
import { openSpeechCache } from './speech-cache/speech-cache.ts';
import { startWorker, type CallWorker } from './worker/worker.ts';

export type Service = Readonly<{
  ctx: Context;
  /** Where HTTP listens, such as http://127.0.0.1:3000. */
  url: string;
  /** Resolves once the worker is registered and a call host is ready. */
  ready: Promise<void>;
  /** Resolves with the reason when the service can't go on. */
  failed: Promise<string>;
  activeCalls: () => number;
  /** No new calls; resolves once the running ones have ended, or after the configured drain timeout. */
  drain: () => Promise<void>;
  link: AgentLink;
  [Symbol.asyncDispose]: () => Promise<void>;
}>;

type ServiceOptions = Readonly<{
  config: CallConfig;
  env: Readonly<Record<string, string | undefined>>;
  log?: Log;
  /** By default it measures this process and the machine's memory. */
  admission?: Admission;
  /** More routes: local mode's. */
  extend?: (app: FastifyInstance, ctx: Context) => void;
}>;

/** A client waits at most 10 s for an answer (docs/contract.md, section 2): a locked database must be reported sooner. */
const lockedTimeoutMs = 4_000;

const ringingEveryMs = 500;
const inProgressEveryMs = 1_000;
/**
 * How long a service, once ready, checks the rooms themselves for calls that a dead service left behind, whatever their leases say; and how
 * long it may take to get ready before it watches calls anyway.
 */
const startUpMs = 30_000;
/** The call host of an accepted job claims its call within this time. */
const claimMs = 2_000;
const findCallersEveryMs = 2_000;
const reconcileEveryMs = 30_000;
const prepareEveryMs = 30_000;
const renewLeasesEveryMs = 5_000;
const deliverCommandsEveryMs = 300;
const purgeEveryMs = 86_400_000;
const firstPurgeMs = 60_000;

/** `isWarm`: a call host has been ready at least once. */
type Parts = {
  isDraining: boolean;
  isWarm: boolean;
  readyAt: number | null;
  link: AgentLink | null;
  worker: CallWorker | null;
};

/** Starts the service. If a step fails, everything opened before it is closed again. */
export const startService = async (options: ServiceOptions): Promise<Service> => {
  const { config, env, log = openLog(options.config.log) } = options;
  await using opened = new AsyncDisposableStack();
  const parts: Parts = { isDraining: false, isWarm: false, readyAt: null, link: null, worker: null };
  const db = opened.use(await openDb(config.databaseUrl, { log, lockedTimeoutMs }));
  const background = opened.use(openBackground(log));
  const admission = opened.use(options.admission ?? openAdmission(config.minFreeMemoryMb));
  const ctx = contextOf(config, db, log, parts, admission);
  background.add('warm up calls', () => warmUpCalls(ctx));
  const ready = Promise.withResolvers<void>();
  const onChange = (): void => noteChange(parts, ready.resolve);
  const link = (parts.link = opened.use(await openAgentLink(ctx, background, onChange)));
  // Before the worker: a port in use is reported at once, and at the end the events of ending calls still come in.
  const http = opened.use(await listen(ctx, readinessOf(parts), options.extend));
  const onRefused = (room: string, metadata: string): void =>
    background.add('redispatch', () => redispatchRefused(ctx, room, metadata));
  const worker = (parts.worker = opened.use(
    startWorker({ config, linkPath: link.path, log, env, onRegistered: onChange, onRefused }),
  ));
  schedule(ctx, background, parts, link);
  // However loaded the machine is: speech that is cached is heard at once.
  const preparation = openPreparation({ ...ctx, busy: () => fullBecause(parts, config) });
  background.every('prepare speech', prepareEveryMs, preparation, 0);
  const stack = opened.move();
  return {
    ctx,
    link,
    url: http.url,
    ready: ready.promise,
    failed: worker.failed,
    activeCalls: link.activeCalls,
    drain: async () => {
      parts.isDraining = true;
      await worker.drain();
      await sleep(claimMs);
      await until(() => link.activeCalls() === 0, { limitMs: config.drainTimeoutMs });
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

/** What runs again and again, so that no caller is forgotten and every record gets its end. */
const schedule = (ctx: Context, background: Background, parts: Parts, link: AgentLink): void => {
  const startedAt = performance.now();
  const isComing = (room: string): boolean => parts.worker?.isComing(room) ?? false;
  const watch = openWatchdog(ctx, background, isComing);
  const watchCalls = async (statuses: OpenStatus[]): Promise<void> => {
    const now = performance.now();
    // No worker of ours would take the job.
    if (parts.readyAt === null && now - startedAt < startUpMs) return;
    await watch(statuses, parts.readyAt !== null && now - parts.readyAt < startUpMs);
  };
  background.every('watch ringing calls', ringingEveryMs, () => watchCalls(['ringing']));
  background.every('watch calls in progress', inProgressEveryMs, () => watchCalls(['in_progress']));
  background.every('renew leases', renewLeasesEveryMs, () =>
    renewLeases(ctx.db, ctx.ownerId, new Date(ctx.now().getTime() + leaseMs)),
  );
  background.every('deliver commands', deliverCommandsEveryMs, () => deliverCommands(ctx, link));
  background.every('find callers', findCallersEveryMs, openCallerSearch(ctx, isComing));
  background.every('reconcile calls', reconcileEveryMs, openReconciler(ctx));
  background.every('purge', purgeEveryMs, () => purge(ctx), firstPurgeMs);
};

/** A call host became ready, got a call or went away; or the worker was registered. */
const noteChange = (parts: Parts, onReady: () => void): void => {
  const processes = parts.link?.ready() ?? 0;
  parts.worker?.setReadyHosts(processes);
  parts.isWarm ||= processes > 0;
  if (processes === 0 || parts.worker?.isRegistered() !== true) return;
  parts.readyAt ??= performance.now();
  onReady();
};

const readinessOf = (parts: Parts): Readiness => ({
  worker: () => {
    if (parts.isDraining) return 'draining';
    if (parts.worker?.isRegistered() !== true) return 'not_registered';
    return parts.isWarm ? 'ok' : 'warming';
  },
  readyProcesses: () => parts.link?.ready() ?? 0,
});

const fullBecause = (parts: Parts, { maxCalls }: CallConfig): string | null => {
  if (parts.isDraining) return 'draining';
  const calls = parts.link?.activeCalls() ?? 0;
  return calls >= maxCalls ? `${calls} of ${maxCalls} calls are open` : null;
};

const contextOf = (config: CallConfig, db: Db, log: Log, parts: Parts, admission: Admission): Context => ({
  config,
  db,
  log,
  livekit: openLivekit(config.livekit),
  speechCache: openSpeechCache(config.voiceDir),
  feed: createFeed(),
  ownerId: randomUUID(),
  now: () => new Date(),
  busy: () => fullBecause(parts, config) ?? admission.problem(),
});

const listen = async (
  ctx: Context,
  readiness: Parameters<typeof buildHttp>[1],
  extend: ServiceOptions['extend'],
): Promise<{ url: string } & AsyncDisposable> => {
  const app = buildHttp(ctx, readiness);
  extend?.(app, ctx);
  const { host, port } = ctx.config;
  const url = await app.listen({ host, port }).catch((error: unknown) => {
    const isInUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    const reason = isInUse ? 'the port is in use' : describeError(error);
    throw new AppError('config_invalid', `Cannot listen on ${host}:${port}: ${reason}.`);
  });
  return { url, [Symbol.asyncDispose]: () => app.close() };
};
