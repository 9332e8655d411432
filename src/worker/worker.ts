/** The LiveKit worker as the main thread sees it: an AgentServer in a thread of its own, with one call host per call. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CallConfig } from '../config.ts';
import { describeError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { FromThread, ThreadInput, ToThread } from './messages.ts';

export type CallWorker = Readonly<{
  /** Whether the worker is registered with LiveKit. */
  isRegistered: () => boolean;
  setReadyHosts: (count: number) => void;
  /** Whether an agent is on its way to this room. */
  isComing: (room: string) => boolean;
  /** Accepts no new jobs from now on, irrevocably. Resolves once every accepted job has its call host. */
  drain: () => Promise<void>;
  /** Resolves, with the reason, if the thread ends on its own. */
  failed: Promise<string>;
  [Symbol.asyncDispose]: () => Promise<void>;
}>;

/** Hosts beyond the capacity, which tell callers that all lines are busy. */
const busyHosts = 1;

/** By then, calls that were asked to end have ended; any that are left end when their agent link closes. */
const closeTimeoutMs = 30_000;

/** What a call host inherits of our environment. */
const inheritedVariables = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'] as const;

type WorkerOptions = Readonly<{
  config: CallConfig;
  linkPath: string;
  log: Log;
  env: Readonly<Record<string, string | undefined>>;
  onRegistered: () => void;
  /** A job was refused: LiveKit won't send it again. */
  onRefused: (room: string, metadata: string) => void;
}>;

type State = {
  isRegistered: boolean;
  isClosing: boolean;
  /** Until when an agent counts as on its way to a room, on the clock of `performance.now()`. */
  coming: Map<string, number>;
};

/** The longest that an agent counts as coming. */
const maxComingMs = 20_000;
/** How long a call host takes at most to claim its call. */
const claimMs = 2_000;

/** Starts the worker. It registers with LiveKit, and again after every outage. */
export const startWorker = (options: WorkerOptions): CallWorker => {
  const thread = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: inputOf(options.config),
    env: environmentOf(options),
    execArgv: [],
  });
  const state: State = { isRegistered: false, isClosing: false, coming: new Map() };
  const { closed, failed, drained } = follow(thread, state, options);
  const send = (message: ToThread): void => thread.postMessage(message);
  return {
    isRegistered: () => state.isRegistered,
    setReadyHosts: (hosts) => send({ type: 'ready', hosts }),
    isComing: (room) => (state.coming.get(room) ?? 0) > performance.now(),
    drain: () => {
      send({ type: 'drain' });
      return Promise.race([drained, closed]);
    },
    failed,
    [Symbol.asyncDispose]: async () => {
      state.isClosing = true;
      state.isRegistered = false;
      send({ type: 'close' });
      await Promise.race([closed, sleep(closeTimeoutMs, undefined, { ref: false })]);
      await thread.terminate();
    },
  };
};

/** Updates `state` from the thread's messages. */
const follow = (thread: Worker, state: State, { log, config, onRegistered, onRefused }: WorkerOptions) => {
  const closed = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<string>();
  const drained = Promise.withResolvers<void>();
  thread.on('message', (message: FromThread) => {
    switch (message.type) {
      case 'registered':
        state.isRegistered = true;
        log.info({ workerId: message.workerId, agentName: config.agentName }, 'worker registered');
        return onRegistered();
      case 'disconnected':
        if (state.isRegistered) log.error('worker disconnected: no new calls until it registers again');
        state.isRegistered = false;
        return;
      case 'refused':
        state.coming.delete(message.room);
        return onRefused(message.room, message.metadata);
      case 'offered':
        return markComing(state, message.room, maxComingMs);
      case 'launched':
        return markComing(state, message.room, claimMs);
      case 'failure':
        return log.error({ err: message.detail }, 'worker failure');
      case 'drained':
        return drained.resolve();
      case 'closed':
        return closed.resolve();
    }
  });
  thread.on('error', (error) => failed.resolve(describeError(error)));
  thread.on('exit', (code) => {
    state.isRegistered = false;
    closed.resolve();
    if (!state.isClosing) failed.resolve(`the worker thread exited with code ${code}`);
  });
  return { closed: closed.promise, failed: failed.promise, drained: drained.promise };
};

const markComing = ({ coming }: State, room: string, forMs: number): void => {
  const now = performance.now();
  for (const [other, until] of coming) if (until <= now) coming.delete(other);
  coming.set(room, now + forMs);
};

const inputOf = (config: CallConfig): ThreadInput => ({
  agentFile: fileURLToPath(new URL('../../agents/telephony/main.ts', import.meta.url)),
  agentName: config.agentName,
  livekit: { url: config.livekit.url, apiKey: config.livekit.apiKey, apiSecret: config.livekit.apiSecret },
  maxJobs: config.maxCalls + busyHosts,
  idleProcesses: config.idleProcesses,
  logLevel: config.log.level,
});

const environmentOf = ({ env, linkPath }: WorkerOptions): Record<string, string> => ({
  ...Object.fromEntries(
    inheritedVariables.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  ),
  NODE_ENV: 'production',
  // Compiled code saves half a second, a quarter, of a call host's start. If the folder isn't writable, nothing is cached.
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url)),
  TELEPHONY_LINK: linkPath,
});
