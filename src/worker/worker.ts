/** The LiveKit worker, seen from the main thread: an AgentServer in a thread of its own, with one process per call. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CallConfig } from '../config.ts';
import { describeError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { FromThread, ThreadInput, ToThread } from './messages.ts';

export type CallWorker = Readonly<{
  /** Whether LiveKit knows us. */
  isRegistered: () => boolean;
  setReadyProcesses: (count: number) => void;
  /** Whether an agent is on its way to this room. */
  isComing: (room: string) => boolean;
  /** No new jobs from now on; there is no way back. Settles when those that were accepted have their call process. */
  drain: () => Promise<void>;
  /** Resolves, with why, if the thread ends on its own. */
  failed: Promise<string>;
  [Symbol.asyncDispose]: () => Promise<void>;
}>;

/** One process beyond the capacity is there to say that we are busy. */
const busyProcesses = 1;

/** Calls that are told to end have ended by then; what is left goes with its link. */
const closeTimeoutMs = 30_000;

/** What a call process may know of our environment. */
const inherited = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'] as const;

export type WorkerOptions = Readonly<{
  config: CallConfig;
  linkPath: string;
  log: Log;
  env: Readonly<Record<string, string | undefined>>;
  onRegistered: () => void;
  /** A job was refused since no call process was ready in time. */
  onRefused: (room: string, metadata: string) => void;
}>;

/** `coming`: until when an agent is on its way to a room, by `performance.now()`. */
type State = { isRegistered: boolean; isClosing: boolean; coming: Map<string, number> };

/** So long an agent counts as coming at most, and a call process needs to claim its call. */
const comingMs = 20_000;
const claimMs = 2_000;

/** Starts the worker. It registers by itself, and again after every outage, for ever. */
export const startWorker = (options: WorkerOptions): CallWorker => {
  const thread = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: inputOf(options.config),
    env: environmentOf(options),
    execArgv: [],
  });
  const state: State = { isRegistered: false, isClosing: false, coming: new Map() };
  const { closed, failed, settled } = follow(thread, state, options);
  const tell = (message: ToThread): void => thread.postMessage(message);
  return {
    isRegistered: () => state.isRegistered,
    setReadyProcesses: (processes) => tell({ type: 'ready', processes }),
    isComing: (room) => (state.coming.get(room) ?? 0) > performance.now(),
    drain: () => {
      tell({ type: 'drain' });
      return Promise.race([settled, closed]);
    },
    failed,
    [Symbol.asyncDispose]: async () => {
      state.isClosing = true;
      state.isRegistered = false;
      tell({ type: 'close' });
      await Promise.race([closed, sleep(closeTimeoutMs, undefined, { ref: false })]);
      await thread.terminate();
    },
  };
};

/** Keeps `state` up to what the thread says. */
const follow = (thread: Worker, state: State, { log, config, onRegistered, onRefused }: WorkerOptions) => {
  const closed = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<string>();
  const settled = Promise.withResolvers<void>();
  thread.on('message', (message: FromThread) => {
    switch (message.type) {
      case 'registered':
        state.isRegistered = true;
        log.info({ workerId: message.workerId, agentName: config.agentName }, 'worker registered');
        return onRegistered();
      case 'disconnected':
        if (state.isRegistered) log.error('worker disconnected: no calls until LiveKit has it again');
        state.isRegistered = false;
        return;
      case 'refused':
        state.coming.delete(message.room);
        return onRefused(message.room, message.metadata);
      case 'coming':
        return noteComing(state, message.room, comingMs);
      case 'came':
        return noteComing(state, message.room, claimMs);
      case 'trouble':
        return log.error({ detail: message.detail }, 'worker trouble');
      case 'settled':
        return settled.resolve();
      case 'closed':
        return closed.resolve();
    }
  });
  thread.on('error', (error) => failed.resolve(describeError(error)));
  thread.on('exit', (code) => {
    state.isRegistered = false;
    closed.resolve();
    if (!state.isClosing) failed.resolve(`the worker's thread ended with ${code}`);
  });
  return { closed: closed.promise, failed: failed.promise, settled: settled.promise };
};

const noteComing = ({ coming }: State, room: string, forMs: number): void => {
  const now = performance.now();
  for (const [other, until] of coming) if (until <= now) coming.delete(other);
  coming.set(room, now + forMs);
};

const inputOf = (config: CallConfig): ThreadInput => ({
  agentFile: fileURLToPath(new URL('../../agents/telephony/main.ts', import.meta.url)),
  agentName: config.agentName,
  livekit: { url: config.livekit.url, apiKey: config.livekit.apiKey, apiSecret: config.livekit.apiSecret },
  maxJobs: config.maxCalls + busyProcesses,
  idleProcesses: config.idleProcesses,
  logLevel: config.log.level,
});

const environmentOf = ({ env, linkPath }: WorkerOptions): Record<string, string> => ({
  ...Object.fromEntries(
    inherited.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  ),
  NODE_ENV: 'production',
  // What was compiled once: half a second of a call process's start, a quarter of it. Where it can't be written it is not used.
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url)),
  TELEPHONY_LINK: linkPath,
});
