import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openAdmission, problemOf } from '#src/worker/admission.ts';

test('there is room while memory is free and the event loop is not saturated', () => {
  expect(problemOf({ freeMemoryMb: 256, loopBusy: 0.95 }, 256)).toBeNull();
  expect(problemOf({ freeMemoryMb: 0, loopBusy: 0 }, 0)).toBeNull();
  expect(problemOf({ freeMemoryMb: 255, loopBusy: 0 }, 256)).toBe('only 255 MB of memory free, 256 MB required');
  expect(problemOf({ freeMemoryMb: 900, loopBusy: 0.99 }, 256)).toBe('event loop 99 % busy');
});

test('a machine without enough memory takes no call', () => {
  using admission = openAdmission(1_000_000);
  expect(admission.problem()).toContain('MB of memory free');
});

test('a blocked main thread takes no calls until it has been idle again', async () => {
  using admission = openAdmission(0);
  await sleep(10);
  for (const until = performance.now() + 4_200; performance.now() < until;);
  await sleep(10);
  expect(admission.problem()).toContain('event loop');
  await expect.poll(() => admission.problem(), { timeout: 6_000 }).toBeNull();
}, 20_000);
