/**
 * The thread in which LiveKit's AgentServer runs. Its children die when it doesn't ping them for 15 s, so nothing else runs here:
 * no database, no HTTP. Of rtc-node nothing is used here: one thread of a process only may.
 */
import { AgentServer, initializeLogger, ServerOptions, type JobRequest } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { describeError } from '../errors.ts';
import type { JobTimes } from '../link/messages.ts';
import type { FromThread, ThreadInput, ToThread } from './messages.ts';

/** The server gives up a job that nobody accepted within 3 s, the asking of other workers included (measured; psrpc's standard limit). */
const patienceMs = 2_000;
const lookEveryMs = 50;
const closeAgainMs = 250;
/** An accepted job is assigned at once, or never: then the server had given it up. */
const assignmentMs = 2_000;
/** An assigned job waits for its call process, and for those of the jobs before it. */
const launchMs = 20_000;

/** The server gives a worker no job that reports a load above its `target_load`, which is 0.7 unless configured, and says so to nobody. */
const mostLoad = 0.65;

/** `accepting`: jobs that were accepted and have no call process yet. `launches`: those that were assigned, by id. */
type State = {
  readyProcesses: number;
  isDraining: boolean;
  accepting: number;
  launches: Map<string, Promise<void>>;
};

type Tell = (message: FromThread) => void;

/** Accepts a job once a call process has reported a good prewarm: else it would never start. */
const accept = async (state: State, request: JobRequest, tell: Tell): Promise<void> => {
  const offeredAt = Date.now();
  const until = offeredAt + patienceMs;
  tell({ type: 'coming', room: request.room?.name ?? '' });
  while (state.readyProcesses === 0 && !state.isDraining && Date.now() < until) await sleep(lookEveryMs);
  // Rejected at once: LiveKit asks the next worker.
  if (state.isDraining) return request.reject();
  if (state.readyProcesses === 0) {
    await request.reject();
    return tellRefused(request, tell);
  }
  const times: Record<keyof JobTimes, string> = { offeredAt: String(offeredAt), acceptedAt: String(Date.now()) };
  // An identity of its own for every job: one that was used before makes the server end the new job.
  await request.accept('', `agent-${request.id}`, '', times);
  followJob(state, request, tell).catch((error: unknown) => tell({ type: 'trouble', detail: describeError(error) }));
};

/** Tells of an accepted job until it has its call process. One that is never assigned, or not launched, nobody sends again but we. */
const followJob = async (state: State, request: JobRequest, tell: Tell): Promise<void> => {
  const { launches } = state;
  const room = request.room?.name ?? '';
  state.accepting += 1;
  for (const until = Date.now() + assignmentMs; !launches.has(request.id) && Date.now() < until;)
    await sleep(lookEveryMs);
  const isLaunched = await launches.get(request.id)?.then(
    () => true,
    () => false, // the framework logs why
  );
  launches.delete(request.id);
  state.accepting -= 1;
  if (isLaunched === true) tell({ type: 'came', room });
  else tellRefused(request, tell);
};

const tellRefused = (request: JobRequest, tell: Tell): void =>
  tell({ type: 'refused', room: request.room?.name ?? '', metadata: request.job.metadata });

const loadOf = (jobs: number, maxJobs: number): number => (jobs < maxJobs ? (jobs / maxJobs) * mostLoad : 1);

const optionsOf = (input: ThreadInput, state: State, tell: Tell): ServerOptions =>
  new ServerOptions({
    agent: input.agentFile,
    agentName: input.agentName,
    wsURL: input.livekit.url.replace(/^http/, 'ws'),
    apiKey: input.livekit.apiKey,
    apiSecret: input.livekit.apiSecret,
    production: false, // decides defaults only; with true a health port of 0 would mean 8081
    host: '127.0.0.1',
    port: 0,
    numIdleProcesses: input.idleProcesses,
    loadThreshold: 0.999,
    loadFunc: (server) => Promise.resolve(state.isDraining ? 1 : loadOf(server.activeJobs.length, input.maxJobs)),
    requestFunc: (request) => accept(state, request, tell),
    initializeProcessTimeout: 60_000,
    shutdownProcessTimeout: 10_000,
    sessionEndTimeout: 20_000,
    maxRetry: Infinity,
    logLevel: input.logLevel,
  });

/**
 * Closes the server. While run() has not really begun close() waits for an end that nobody brings about; asked again it does what
 * it should.
 */
const close = async (server: AgentServer): Promise<void> => {
  let isClosed = false;
  while (!isClosed) {
    const closed = server.close().then(() => true);
    isClosed = await Promise.race([closed, sleep(closeAgainMs, false)]);
  }
};

/**
 * Every AgentServer starts a process for the framework's end-of-turn model, 280 MB of it, and has no option against that. We judge
 * by the words (agents/telephony/turn-end.ts). The first server ever made registers the model; what is registered is taken back, and
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
const noteLaunches = ({ prototype }: ProcPool, { launches }: State): void => {
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

/**
 * The framework waits up to 10 s before it tries again to connect, and has no option for that. This thread is its alone: the one timer
 * that its connecting (`workerWS`) sets is shortened.
 */
const connectSoon = (): void => {
  const plain = globalThis.setTimeout;
  const shortened = (work: () => void, ms = 0, ...more: []): NodeJS.Timeout => {
    const isConnecting = ms > longestWaitMs && new Error('whose timer').stack?.includes('workerWS') === true;
    return plain(work, isConnecting ? longestWaitMs : ms, ...more);
  };
  globalThis.setTimeout = Object.assign(shortened, plain);
};

/** No new jobs; those that were accepted get their process first: draining ends the processes that wait for one. */
const drain = async (state: State): Promise<void> => {
  state.isDraining = true;
  for (const until = Date.now() + launchMs; state.accepting > 0 && Date.now() < until;) await sleep(lookEveryMs);
};

const run = async (port: MessagePort, input: ThreadInput): Promise<void> => {
  const tell: Tell = (message) => port.postMessage(message);
  const trouble = (error: unknown): void => tell({ type: 'trouble', detail: describeError(error) });
  const state: State = { readyProcesses: 0, isDraining: false, accepting: 0, launches: new Map() };
  initializeLogger({ pretty: false, level: input.logLevel });
  const options = optionsOf(input, state, tell);
  await withoutInferenceProcess(options);
  const procPool = await findProcPool();
  replaceDeadProcesses(procPool);
  noteLaunches(procPool, state);
  connectSoon();
  const server = new AgentServer(options);
  server.event.on('worker_registered', (workerId: string) => tell({ type: 'registered', workerId }));
  server.run().catch(trouble);
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'ready':
        state.readyProcesses = message.processes;
        return;
      case 'drain':
        drain(state)
          .then(() => {
            tell({ type: 'settled' });
            return server.drain();
          })
          // It rejects while a process is still initialising ("runner not started"); then the load says that we are full.
          .catch(trouble);
        return;
      case 'close':
        close(server)
          .catch(trouble)
          .finally(() => {
            tell({ type: 'closed' });
            port.close();
          });
    }
  });
};

if (parentPort === null) throw new Error('worker/thread.ts is a worker thread');
await run(parentPort, workerData as ThreadInput);
