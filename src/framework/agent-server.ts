/** What @livekit/agents 1.9.0 has no option for. Each of these reaches into it, and has a test that fails when it no longer does. */
import { AgentServer, type ServerOptions } from '@livekit/agents';

/**
 * Every AgentServer starts a process for the framework's end-of-turn model, 280 MB of it, and has no option against that. We judge
 * by the words (agents/telephony/turns/end-of-turn.ts). The first server ever made registers the model; what is registered is taken back, and
 * the next server starts nothing. Nothing of the first one runs.
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
 * A warm process that dies keeps its place in the framework's pool: it is never replaced, and is given to the next job. Here its place is
 * given back when it is gone.
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

/** Whether an accepted job was assigned is told to nobody: here the pool's launching tells it. */
const noteLaunches = ({ prototype }: ProcPool, launches: Map<string, Promise<void>>): void => {
  const { launchJob } = prototype;
  prototype.launchJob = function (this: Pool, info) {
    const launch = launchJob.call(this, info);
    launches.set(info.job.id, launch);
    return launch;
  };
};

const findProcPool = async (): Promise<ProcPool> => {
  const address = new URL('./ipc/proc_pool.js', import.meta.resolve('@livekit/agents')).href;
  return ((await import(address)) as { ProcPool: ProcPool }).ProcPool;
};

type ProcPool = { prototype: Pool };
type Pool = {
  launchJob: (this: Pool, info: { job: { id: string } }) => Promise<void>;
  procWatchTask: (this: Pool, unlock: () => void) => Promise<void>;
  warmedProcQueue: { items: { proc: { isAlive: boolean }; unlock: () => void }[] };
};

/** A server that comes back is to have us again within 8 s. */
const longestWaitMs = 5_000;
/** The framework's first and shortest wait. */
const shortestWaitMs = 2_000;

/**
 * Without a connection the framework waits, up to 10 s, before it tries again, has no option for that, and tells nobody. This thread is
 * its alone: the one timer that its connecting (`workerWS`) sets is shortened, and tells.
 */
const connectSoon = (onDisconnected: () => void): void => {
  const plain = globalThis.setTimeout;
  const shortened = (work: () => void, ms = 0, ...more: []): NodeJS.Timeout => {
    const isConnecting = ms >= shortestWaitMs && new Error('whose timer').stack?.includes('workerWS') === true;
    if (isConnecting) onDisconnected();
    return plain(work, isConnecting ? Math.min(ms, longestWaitMs) : ms, ...more);
  };
  globalThis.setTimeout = Object.assign(shortened, plain);
};

/**
 * To be called once, before the server is made.
 * @param launches gets the launch of each assigned job, by the job's id
 * @param onDisconnected called before each further try to reach LiveKit
 */
export const amendFramework = async (
  options: ServerOptions,
  launches: Map<string, Promise<void>>,
  onDisconnected: () => void,
): Promise<void> => {
  await withoutInferenceProcess(options);
  const procPool = await findProcPool();
  replaceDeadProcesses(procPool);
  noteLaunches(procPool, launches);
  connectSoon(onDisconnected);
};
