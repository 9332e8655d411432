import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openAdmission, problemOf } from '#src/worker/admission.ts';

test('there is room while memory is free and the event loop has rest', () => {
  expect(problemOf({ freeMemoryMb: 256, loopBusy: 0.95 }, 256)).toBeNull();
  expect(problemOf({ freeMemoryMb: 0, loopBusy: 0 }, 0)).toBeNull();
  expect(problemOf({ freeMemoryMb: 255, loopBusy: 0 }, 256)).toBe('255 MB of memory are free, 256 are needed');
  expect(problemOf({ freeMemoryMb: 900, loopBusy: 0.99 }, 256)).toBe('the event loop is busy for 99 % of the time');
});

test('a machine without the memory that a call needs takes none', () => {
  using admission = openAdmission(1_000_000);
  expect(admission.problem()).toContain('MB of memory are free');
});

test('a main thread that is always at work closes the admission, until it has rest again', async () => {
  using admission = openAdmission(0);
  await sleep(10);
  for (const until = performance.now() + 4_200; performance.now() < until;);
  await sleep(10);
  expect(admission.problem()).toContain('the event loop is busy');
  await expect.poll(() => admission.problem(), { timeout: 6_000 }).toBeNull();
}, 20_000);
