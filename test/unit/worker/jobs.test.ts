import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JobRequest } from '@livekit/agents';
import { considerJob, drainJobs, reportedLoad, openJobs, type Jobs } from '#src/worker/jobs.ts';
import type { FromThread } from '#src/worker/messages.ts';

let jobs: Jobs;
let sent: FromThread[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  jobs = openJobs();
  sent = [];
});
afterEach(() => void vi.useRealTimers());

const answers: string[] = [];
beforeEach(() => void answers.splice(0));

/** Offers a job; the answer is appended to `answers`. */
const offer = (id: string, room = id): Promise<void> => {
  const answer = (word: string) => () => Promise.resolve(void answers.push(`${word} ${id}`));
  const request = {
    id,
    room: { name: room },
    job: { metadata: '' },
    accept: answer('accept'),
    reject: answer('reject'),
  };
  return considerJob(jobs, request as Partial<JobRequest> as JobRequest, (message) => sent.push(message));
};

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('a job is accepted at once if a call host is ready; the next one only when another is', async () => {
  jobs.readyHosts = 1;
  const first = offer('a');
  const second = offer('b');
  await pass(1_000);
  expect(answers).toEqual(['accept a']);
  jobs.readyHosts = 2;
  await pass(100);
  expect(answers).toEqual(['accept a', 'accept b']);
  await Promise.all([first, second]);
});

test('a job is refused after 2 s without a call host, in time for LiveKit to ask another worker', async () => {
  const refused = offer('a');
  await pass(1_900);
  expect(answers).toEqual([]);
  await pass(200);
  await refused;
  expect(answers).toEqual(['reject a']);
  expect(sent.map(({ type }) => type)).toEqual(['offered', 'refused']);
});

test('the longest-waiting caller comes first, even if their job was redispatched meanwhile', async () => {
  const offers = [offer('a', 'early')];
  await pass(1_500);
  offers.push(offer('b', 'late'));
  await pass(600);
  offers.push(offer('c', 'early'));
  jobs.readyHosts = 1;
  await pass(100);
  expect(answers).toEqual(['reject a', 'accept c']);
  jobs.readyHosts = 2;
  await pass(100);
  expect(answers).toEqual(['reject a', 'accept c', 'accept b']);
  await Promise.all(offers);
});

test('a refused job that is not redispatched does not block others', async () => {
  const gone = offer('a', 'gone');
  await pass(2_100);
  await gone;
  await pass(1_500);
  jobs.readyHosts = 1;
  await offer('b');
  expect(answers).toEqual(['reject a', 'accept b']);
});

test('a second job for a room whose first is pending is rejected silently', async () => {
  const first = offer('a', 'room');
  await offer('b', 'room');
  expect(answers).toEqual(['reject b']);
  jobs.readyHosts = 1;
  await pass(100);
  await first;
  expect(answers).toEqual(['reject b', 'accept a']);
  expect(sent.map(({ type }) => type)).toEqual(['offered']);
});

test('an accepted job that is never assigned is reported as refused, and its call host is free again', async () => {
  jobs.readyHosts = 1;
  await offer('a');
  await pass(2_100);
  expect(sent).toEqual([
    { type: 'offered', room: 'a' },
    { type: 'refused', room: 'a', metadata: '' },
  ]);
  await offer('b');
  expect(answers).toEqual(['accept a', 'accept b']);
});

test('draining waits until accepted jobs have their call hosts, and rejects all others at once', async () => {
  jobs.readyHosts = 1;
  await offer('a');
  const launch = Promise.withResolvers<void>();
  jobs.launches.set('a', launch.promise);
  let isDrained = false;
  const drained = drainJobs(jobs).then(() => (isDrained = true));
  await offer('b');
  await pass(3_000);
  expect(answers).toEqual(['accept a', 'reject b']);
  expect(isDrained).toBe(false);
  launch.resolve();
  await pass(100);
  await drained;
  expect(sent.at(-1)).toEqual({ type: 'launched', room: 'a' });
});

test("the load stays below LiveKit's limit until no line is free", () => {
  expect(reportedLoad(jobs, 0, 11)).toBe(0);
  expect(reportedLoad(jobs, 10, 11)).toBeLessThan(0.7);
  expect(reportedLoad(jobs, 11, 11)).toBe(1);
  jobs.isDraining = true;
  expect(reportedLoad(jobs, 0, 11)).toBe(1);
});
