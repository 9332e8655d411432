/** Which of LiveKit's job offers this worker accepts: those for which a call host is ready, the longest-waiting caller first. */
import type { JobRequest } from '@livekit/agents';
import { describeError } from '../errors.ts';
import type { JobTimes } from '../protocol/messages.ts';
import type { FromThread } from './messages.ts';

/** The server drops a job that no worker has accepted within 3 s of the first offer (measured; the default timeout of psrpc). */
const acceptTimeoutMs = 2_000;
const pollEveryMs = 50;
/** A refused job is redispatched within this time if its caller is still waiting. */
const redispatchedWithinMs = 1_000;
/** An accepted job is assigned at once or, if the server had already dropped it, never. */
const assignTimeoutMs = 2_000;
/** How long an assigned job may wait for its call host, behind earlier jobs. */
const launchTimeoutMs = 20_000;

/** The server silently offers no jobs to a worker that reports a load above its `target_load` (default 0.7). */
const maxLoad = 0.65;

export type Jobs = {
  readyHosts: number;
  isDraining: boolean;
  /** How many accepted jobs have no call host yet. */
  accepting: number;
  /** The assigned ones among them, by job id. */
  launches: Map<string, Promise<void>>;
  /** The rooms of jobs that are neither accepted nor rejected. */
  offers: Set<string>;
  /** The rooms whose jobs nobody has accepted: since when, and until when they count, on the clock of `performance.now()`. */
  waiting: Map<string, { since: number; until: number }>;
};

export type Send = (message: FromThread) => void;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const openJobs = (): Jobs => ({
  readyHosts: 0,
  isDraining: false,
  accepting: 0,
  launches: new Map(),
  offers: new Set(),
  waiting: new Map(),
});

/**
 * Whether a call host is ready for a room's job, after those of callers who have waited longer. Jobs accepted beyond that would
 * wait in the framework's queue, where callers who have hung up take the hosts of those still waiting.
 */
const canServe = ({ readyHosts, accepting, waiting }: Jobs, room: string): boolean => {
  const [now, since] = [performance.now(), waiting.get(room)?.since ?? Infinity];
  const before = [...waiting.values()].filter((other) => other.since < since && other.until > now);
  return readyHosts > accepting + before.length;
};

const markWaiting = ({ waiting }: Jobs, room: string): void => {
  const now = performance.now();
  for (const [other, { until }] of waiting) if (until <= now) waiting.delete(other);
  waiting.set(room, { since: waiting.get(room)?.since ?? now, until: now + acceptTimeoutMs + redispatchedWithinMs });
};

/** Accepts a job once there is a call host for it. A second job for the same room is rejected. */
export const considerJob = async (jobs: Jobs, request: JobRequest, send: Send): Promise<void> => {
  const room = request.room?.name ?? '';
  if (jobs.offers.has(room)) return request.reject();
  jobs.offers.add(room);
  try {
    await acceptInTime(jobs, request, send);
  } finally {
    jobs.offers.delete(room);
  }
};

const acceptInTime = async (jobs: Jobs, request: JobRequest, send: Send): Promise<void> => {
  const offeredAt = Date.now();
  const room = request.room?.name ?? '';
  markWaiting(jobs, room);
  send({ type: 'offered', room });
  while (!canServe(jobs, room) && !jobs.isDraining && Date.now() < offeredAt + acceptTimeoutMs)
    await sleep(pollEveryMs);
  // LiveKit then asks the next worker.
  if (jobs.isDraining) return request.reject();
  if (!canServe(jobs, room)) {
    await request.reject();
    return sendRefused(request, send);
  }
  jobs.waiting.delete(room);
  jobs.accepting += 1;
  const times: Record<keyof JobTimes, string> = { offeredAt: String(offeredAt), acceptedAt: String(Date.now()) };
  // Every job needs an identity of its own: reusing one makes the server end the new job.
  const accepted = request.accept('', `agent-${request.id}`, '', times);
  followJob(jobs, request, send).catch((error: unknown) => send({ type: 'failure', detail: describeError(error) }));
  await accepted;
};

/** Waits for an accepted job to get its call host. LiveKit doesn't resend a job that is never assigned or fails to launch. */
const followJob = async (jobs: Jobs, request: JobRequest, send: Send): Promise<void> => {
  const { launches } = jobs;
  const room = request.room?.name ?? '';
  for (const until = Date.now() + assignTimeoutMs; !launches.has(request.id) && Date.now() < until;)
    await sleep(pollEveryMs);
  const isLaunched = await launches.get(request.id)?.then(
    () => true,
    () => false, // the framework logs why
  );
  launches.delete(request.id);
  jobs.accepting -= 1;
  if (isLaunched === true) send({ type: 'launched', room });
  else sendRefused(request, send);
};

const sendRefused = (request: JobRequest, send: Send): void =>
  send({ type: 'refused', room: request.room?.name ?? '', metadata: request.job.metadata });

/** The load to report, from 0 (idle) to 1 (full). */
export const reportedLoad = ({ isDraining }: Jobs, active: number, maxJobs: number): number =>
  isDraining || active >= maxJobs ? 1 : (active / maxJobs) * maxLoad;

/** Stops accepting jobs, and resolves once every accepted job has its call host: the framework's draining ends idle hosts. */
export const drainJobs = async (jobs: Jobs): Promise<void> => {
  jobs.isDraining = true;
  for (const until = Date.now() + launchTimeoutMs; jobs.accepting > 0 && Date.now() < until;) await sleep(pollEveryMs);
};
