import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JobRequest } from '@livekit/agents';
import { considerJob, drainJobs, loadOf, openJobs, type Jobs } from '#src/worker/jobs.ts';
import type { FromThread } from '#src/worker/messages.ts';

let jobs: Jobs;
let told: FromThread[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  jobs = openJobs();
  told = [];
});
afterEach(() => void vi.useRealTimers());

const answers: string[] = [];
beforeEach(() => void answers.splice(0));

/** LiveKit offers a job; what it is answered goes to `answers`. */
const offer = (id: string, room = id): Promise<void> => {
  const answer = (word: string) => () => Promise.resolve(void answers.push(`${word} ${id}`));
  const request = {
    id,
    room: { name: room },
    job: { metadata: '' },
    accept: answer('accept'),
    reject: answer('reject'),
  };
  return considerJob(jobs, request as Partial<JobRequest> as JobRequest, (message) => told.push(message));
};

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('a job for which a process is ready is accepted at once; the next one only when there is another', async () => {
  jobs.readyProcesses = 1;
  const first = offer('a');
  const second = offer('b');
  await pass(1_000);
  expect(answers).toEqual(['accept a']);
  jobs.readyProcesses = 2;
  await pass(100);
  expect(answers).toEqual(['accept a', 'accept b']);
  await Promise.all([first, second]);
});

test('after 2 s without a process it is refused, in time for LiveKit to ask another worker', async () => {
  const refused = offer('a');
  await pass(1_900);
  expect(answers).toEqual([]);
  await pass(200);
  await refused;
  expect(answers).toEqual(['reject a']);
  expect(told.map(({ type }) => type)).toEqual(['coming', 'refused']);
});

test('who has waited longest is first, although their job had to come again', async () => {
  const offers = [offer('a', 'early')];
  await pass(1_500);
  offers.push(offer('b', 'late'));
  await pass(600);
  offers.push(offer('c', 'early'));
  jobs.readyProcesses = 1;
  await pass(100);
  expect(answers).toEqual(['reject a', 'accept c']);
  jobs.readyProcesses = 2;
  await pass(100);
  expect(answers).toEqual(['reject a', 'accept c', 'accept b']);
  await Promise.all(offers);
});

test('who does not come again holds up nobody', async () => {
  const gone = offer('a', 'gone');
  await pass(2_100);
  await gone;
  await pass(1_500);
  jobs.readyProcesses = 1;
  await offer('b');
  expect(answers).toEqual(['reject a', 'accept b']);
});

test('a second job for a room whose first is being considered is refused without a word', async () => {
  const first = offer('a', 'room');
  await offer('b', 'room');
  expect(answers).toEqual(['reject b']);
  jobs.readyProcesses = 1;
  await pass(100);
  await first;
  expect(answers).toEqual(['reject b', 'accept a']);
  expect(told.map(({ type }) => type)).toEqual(['coming']);
});

test('an accepted job that is never assigned is told, and its process is free again', async () => {
  jobs.readyProcesses = 1;
  await offer('a');
  await pass(2_100);
  expect(told).toEqual([
    { type: 'coming', room: 'a' },
    { type: 'refused', room: 'a', metadata: '' },
  ]);
  await offer('b');
  expect(answers).toEqual(['accept a', 'accept b']);
});

test('draining waits for the accepted jobs to have their processes, and refuses all others at once', async () => {
  jobs.readyProcesses = 1;
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
  expect(told.at(-1)).toEqual({ type: 'came', room: 'a' });
});

test('the load stays below what LiveKit takes for too much, until no line is free', () => {
  expect(loadOf(jobs, 0, 11)).toBe(0);
  expect(loadOf(jobs, 10, 11)).toBeLessThan(0.7);
  expect(loadOf(jobs, 11, 11)).toBe(1);
  jobs.isDraining = true;
  expect(loadOf(jobs, 0, 11)).toBe(1);
});
