/** Patches of the AgentServer of @livekit/agents 1.9.0, for which it has no options. Each has a test that fails if the framework changes. */
import { AgentServer, type ServerOptions } from '@livekit/agents';

/**
 * Every AgentServer starts a process of 280 MB for the framework's end-of-turn model. We don't use that model
 * (agents/telephony/turns/end-of-turn.ts). The first server created registers it; this removes the registration, so that the next server
 * starts no process. The first server never runs.
 * Upstream: an option to run without the inference process.
 */
const withoutInferenceProcess = async (options: ServerOptions): Promise<void> => {
  const address = new URL('./inference_runner.js', import.meta.resolve('@livekit/agents')).href;
  const { InferenceRunner } = (await import(address)) as {
    InferenceRunner: { registeredRunners: Record<string, string> };
  };
  new AgentServer(options);
  InferenceRunner.registeredRunners = {};
};

/**
 * A warm process that dies keeps its place in the framework's pool: it is never replaced, and the next job gets it. This frees its place.
 * Upstream: the pool should replace a warm process that has exited.
 */
const replaceDeadProcesses = ({ prototype }: ProcPool): void => {
  const { procWatchTask } = prototype;
  prototype.procWatchTask = async function (this: Pool, unlock) {
    try {
      await procWatchTask.call(this, unlock);
    } finally {
      const { items } = this.warmedProcQueue;
      const dead = items.filter(({ proc }) => !proc.isAlive);
      for (const entry of dead) {
        items.splice(items.indexOf(entry), 1);
        entry.unlock();
      }
    }
  };
};

/**
 * Records the launch of each job. The framework doesn't report whether an accepted job was assigned.
 * Upstream: `JobRequest.accept` should resolve or reject with the assignment, or an event should report it.
 */
const recordLaunches = ({ prototype }: ProcPool, launches: Map<string, Promise<void>>): void => {
  const { launchJob } = prototype;
  prototype.launchJob = function (this: Pool, info) {
    const launch = launchJob.call(this, info);
    launches.set(info.job.id, launch);
    return launch;
  };
};

const loadProcPool = async (): Promise<ProcPool> => {
  const address = new URL('./ipc/proc_pool.js', import.meta.resolve('@livekit/agents')).href;
  return ((await import(address)) as { ProcPool: ProcPool }).ProcPool;
};

type ProcPool = { prototype: Pool };
type Pool = {
  launchJob: (this: Pool, info: { job: { id: string } }) => Promise<void>;
  procWatchTask: (this: Pool, unlock: () => void) => Promise<void>;
  warmedProcQueue: { items: { proc: { isAlive: boolean }; unlock: () => void }[] };
};

/** A LiveKit server that comes back should have this worker again within 8 s. */
const maxRetryDelayMs = 5_000;
/** The framework's first and shortest delay between two attempts to connect. */
const minFrameworkDelayMs = 2_000;

/**
 * Without a connection the framework retries after up to 10 s, and reports nothing. This thread runs nothing else, so `setTimeout` is
 * replaced: the one timer set by `workerWS`, which connects, is shortened and reported.
 * Upstream: an option for the delay, and an event for the lost connection.
 */
const reconnectSooner = (onDisconnected: () => void): void => {
  const original = globalThis.setTimeout;
  const shortened = (work: () => void, ms = 0, ...more: []): NodeJS.Timeout => {
    const isConnecting = ms >= minFrameworkDelayMs && new Error('stack').stack?.includes('workerWS') === true;
    if (isConnecting) onDisconnected();
    return original(work, isConnecting ? Math.min(ms, maxRetryDelayMs) : ms, ...more);
  };
  globalThis.setTimeout = Object.assign(shortened, original);
};

/**
 * Patches the framework. To be called once, before the server is created.
 * @param launches receives the launch of each assigned job, by job id
 * @param onDisconnected called before each further attempt to connect to LiveKit
 */
export const patchFramework = async (
  options: ServerOptions,
  launches: Map<string, Promise<void>>,
  onDisconnected: () => void,
): Promise<void> => {
  await withoutInferenceProcess(options);
  const procPool = await loadProcPool();
  replaceDeadProcesses(procPool);
  recordLaunches(procPool, launches);
  reconnectSooner(onDisconnected);
};
