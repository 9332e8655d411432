/** Which of LiveKit's job offers this worker takes: those for which a call process is ready, the caller who waited longest first. */
import type { JobRequest } from '@livekit/agents';
import { describeError } from '../errors.ts';
import type { JobTimes } from '../protocol/messages.ts';
import type { FromThread } from './messages.ts';

/** The server gives up a job that nobody accepted within 3 s, the asking of other workers included (measured; psrpc's standard limit). */
const patienceMs = 2_000;
const lookEveryMs = 50;
/** A job that was refused comes again within this time, for a caller who still waits. */
const againWithinMs = 1_000;
/** An accepted job is assigned at once, or never: then the server had given it up. */
const assignmentMs = 2_000;
/** An assigned job waits for its call process, and for those of the jobs before it. */
const launchMs = 20_000;

/** The server gives a worker no job that reports a load above its `target_load`, which is 0.7 unless configured, and says so to nobody. */
const mostLoad = 0.65;

/**
 * `accepting`: jobs that were accepted and have no call process yet. `launches`: those that were assigned, by id. `offers`: the
 * rooms of the jobs that are neither accepted nor rejected. `waiting`: the rooms whose jobs nobody accepted so far, since when, and until
 * when they count; by `performance.now()`.
 */
export type Jobs = {
  readyProcesses: number;
  isDraining: boolean;
  accepting: number;
  launches: Map<string, Promise<void>>;
  offers: Set<string>;
  waiting: Map<string, { since: number; until: number }>;
};

export type Tell = (message: FromThread) => void;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const openJobs = (): Jobs => ({
  readyProcesses: 0,
  isDraining: false,
  accepting: 0,
  launches: new Map(),
  offers: new Set(),
  waiting: new Map(),
});

/**
 * Whether there is a process that has reported a good prewarm for the job of a room, after those of callers who have waited longer. What
 * is accepted beyond that waits in the framework's queue, in which callers who have hung up take the processes of those who still wait.
 */
const canServe = ({ readyProcesses, accepting, waiting }: Jobs, room: string): boolean => {
  const [now, since] = [performance.now(), waiting.get(room)?.since ?? Infinity];
  const before = [...waiting.values()].filter((other) => other.since < since && other.until > now);
  return readyProcesses > accepting + before.length;
};

const noteWaiting = ({ waiting }: Jobs, room: string): void => {
  const now = performance.now();
  for (const [other, { until }] of waiting) if (until <= now) waiting.delete(other);
  waiting.set(room, { since: waiting.get(room)?.since ?? now, until: now + patienceMs + againWithinMs });
};

/** Accepts a job once there is a call process for it. A second one for the same room is not needed. */
export const considerJob = async (jobs: Jobs, request: JobRequest, tell: Tell): Promise<void> => {
  const room = request.room?.name ?? '';
  if (jobs.offers.has(room)) return request.reject();
  jobs.offers.add(room);
  try {
    await acceptInTime(jobs, request, tell);
  } finally {
    jobs.offers.delete(room);
  }
};

const acceptInTime = async (jobs: Jobs, request: JobRequest, tell: Tell): Promise<void> => {
  const offeredAt = Date.now();
  const room = request.room?.name ?? '';
  noteWaiting(jobs, room);
  tell({ type: 'coming', room });
  while (!canServe(jobs, room) && !jobs.isDraining && Date.now() < offeredAt + patienceMs) await sleep(lookEveryMs);
  // Rejected at once: LiveKit asks the next worker.
  if (jobs.isDraining) return request.reject();
  if (!canServe(jobs, room)) {
    await request.reject();
    return tellRefused(request, tell);
  }
  jobs.waiting.delete(room);
  jobs.accepting += 1;
  const times: Record<keyof JobTimes, string> = { offeredAt: String(offeredAt), acceptedAt: String(Date.now()) };
  // An identity of its own for every job: one that was used before makes the server end the new job.
  const accepted = request.accept('', `agent-${request.id}`, '', times);
  followJob(jobs, request, tell).catch((error: unknown) => tell({ type: 'trouble', detail: describeError(error) }));
  await accepted;
};

/** Tells of an accepted job until it has its call process. One that is never assigned, or not launched, nobody sends again but we. */
const followJob = async (jobs: Jobs, request: JobRequest, tell: Tell): Promise<void> => {
  const { launches } = jobs;
  const room = request.room?.name ?? '';
  for (const until = Date.now() + assignmentMs; !launches.has(request.id) && Date.now() < until;)
    await sleep(lookEveryMs);
  const isLaunched = await launches.get(request.id)?.then(
    () => true,
    () => false, // the framework logs why
  );
  launches.delete(request.id);
  jobs.accepting -= 1;
  if (isLaunched === true) tell({ type: 'came', room });
  else tellRefused(request, tell);
};

const tellRefused = (request: JobRequest, tell: Tell): void =>
  tell({ type: 'refused', room: request.room?.name ?? '', metadata: request.job.metadata });

/** What the worker reports as its load, from 0 to 1: full. */
export const loadOf = ({ isDraining }: Jobs, active: number, most: number): number =>
  isDraining || active >= most ? 1 : (active / most) * mostLoad;

/** No new jobs; those that were accepted get their process first: draining ends the processes that wait for one. */
export const drainJobs = async (jobs: Jobs): Promise<void> => {
  jobs.isDraining = true;
  for (const until = Date.now() + launchMs; jobs.accepting > 0 && Date.now() < until;) await sleep(lookEveryMs);
};
