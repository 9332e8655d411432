import { expect, test } from 'vitest';
import { createEcho } from '#src/simulators/caller/echo.ts';

const sampleRate = 16_000;
const frame = (value: number) => new Int16Array(160).fill(value);

test('a speakerphone echoes later and quieter, a handset not at all', () => {
  const echo = createEcho(sampleRate);
  echo.play(frame(10_000));
  expect(echo.take(320)).toEqual(new Int16Array());
  echo.setPath({ gainDb: -20, delayMs: 20 });
  for (let n = 0; n < 4; n += 1) echo.play(frame(10_000));
  expect(new Set(echo.take(320))).toEqual(new Set([0]));
  expect(new Set(echo.take(320))).toEqual(new Set([1_000]));
  echo.setPath(null);
  expect(echo.take(320)).toEqual(new Int16Array());
});

test('a microphone that lags behind drops the oldest samples', () => {
  const echo = createEcho(sampleRate);
  echo.setPath({ gainDb: 0, delayMs: 100 });
  for (let n = 1; n <= 100; n += 1) echo.play(frame(n));
  const kept = echo.take(sampleRate);
  expect(kept.length).toBe(300 * 16);
  expect([kept[0], kept.at(-1)]).toEqual([71, 100]);
});
