/** The LiveKit worker, seen from the main thread: an AgentServer in a thread of its own, with one process per call. */
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
  /** No new jobs from now on; there is no way back. */
  drain: () => void;
  /** Resolves, with why, if the thread ends on its own. */
  failed: Promise<string>;
  [Symbol.asyncDispose]: () => Promise<void>;
}>;

/** One process beyond the capacity is there to say that we are busy. */
const busyProcesses = 1;

/** What a call process may know of our environment. */
const inherited = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'] as const;

export type WorkerOptions = Readonly<{
  config: CallConfig;
  linkPath: string;
  log: Log;
  env: Readonly<Record<string, string | undefined>>;
  onRegistered: () => void;
}>;

/** Starts the worker. It registers by itself, and again after every outage, for ever. */
export const startWorker = (options: WorkerOptions): CallWorker => {
  const { config, log } = options;
  const thread = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: inputOf(config),
    env: environmentOf(options),
    execArgv: [],
  });
  let isRegistered = false;
  let isClosing = false;
  const closed = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<string>();
  thread.on('message', (message: FromThread) => {
    switch (message.type) {
      case 'registered':
        isRegistered = true;
        log.info({ workerId: message.workerId, agentName: config.agentName }, 'worker registered');
        return options.onRegistered();
      case 'trouble':
        return log.error({ detail: message.detail }, 'worker trouble');
      case 'closed':
        return closed.resolve();
    }
  });
  thread.on('error', (error) => failed.resolve(describeError(error)));
  thread.on('exit', (code) => {
    isRegistered = false;
    closed.resolve();
    if (!isClosing) failed.resolve(`the worker's thread ended with ${code}`);
  });
  const tell = (message: ToThread): void => thread.postMessage(message);
  return {
    isRegistered: () => isRegistered,
    setReadyProcesses: (processes) => tell({ type: 'ready', processes }),
    drain: () => tell({ type: 'drain' }),
    failed: failed.promise,
    [Symbol.asyncDispose]: async () => {
      isClosing = true;
      isRegistered = false;
      tell({ type: 'close' });
      await closed.promise;
      await thread.terminate();
    },
  };
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
  TELEPHONY_LINK: linkPath,
});
