import { expect, test } from 'vitest';
import { heldOutRows } from '#test/bench/recordings/held-out.ts';
import { loudSpan, recordingOf, recordingsOf, sampleRate } from '#test/bench/recordings/recording.ts';
import { interruptions, noises, noiseSamples } from '#test/bench/recordings/interjections.ts';
import { overBadNetwork, overPhone, randomFrom, shuffle } from '#test/bench/recordings/sound.ts';
import { rows } from '#test/bench/recordings/table.ts';

const share = (count: number): number => count / rows.length;

test('the callers: at least 40, half of them with pauses inside, one in five on a bad line or slow', () => {
  expect(rows.length).toBeGreaterThanOrEqual(40);
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  expect(share(rows.filter(({ text }) => text.includes('~')).length)).toBe(0.5);
  const hard = rows.filter(({ treatments = [] }) => treatments.some((one) => ['loss', 'echo', 'slow'].includes(one)));
  expect(share(hard.length)).toBeGreaterThanOrEqual(0.2);
  for (const treatment of ['noise', 'phone', 'loss', 'echo', 'slow'] as const)
    expect(rows.filter(({ treatments }) => treatments?.includes(treatment)).length, treatment).toBeGreaterThan(2);
  const pausesMs = rows.flatMap(({ text }) => [...text.matchAll(/~(\d+)~/g)].map((match) => Number(match[1])));
  expect(Math.min(...pausesMs)).toBeGreaterThanOrEqual(300);
  expect(Math.max(...pausesMs)).toBeLessThanOrEqual(900);
});

test('the held-out callers: others, half of them with pauses inside', () => {
  expect(heldOutRows.filter(({ text }) => text.includes('~')).length).toBe(heldOutRows.length / 2);
  const texts = new Set(rows.map(({ text }) => text));
  for (const { text } of heldOutRows) expect(texts.has(text), text).toBe(false);
});

test('a recording ends with its last loud sample, and its words are where they are heard', async () => {
  for (const { row, speech, words, pauses } of await recordingsOf([...rows, ...heldOutRows, ...interruptions])) {
    expect(loudSpan(speech), row.name).toEqual({ start: 0, end: speech.length });
    expect(words.map(({ text }) => text).join(' '), row.name).toBe(row.text.replaceAll(/\s*~\d+~\s*/g, ' '));
    for (const { startMs, endMs } of words) {
      expect(endMs, row.name).toBeGreaterThan(startMs);
      expect(endMs, row.name).toBeLessThanOrEqual((speech.length / sampleRate) * 1000);
      const isInPause = pauses.some((pause) => startMs > pause.startMs - 5 && endMs < pause.endMs + 5);
      expect(isInPause, `${row.name}: a word in a pause`).toBe(false);
    }
  }
}, 120_000);

test('the same row makes the same recording', async () => {
  const row = {
    name: 'same',
    kind: 'request',
    text: 'Hello ~400~ there.',
    voice: 'en-us',
    treatments: ['loss', 'noise'],
  } as const;
  const [first, second] = [await recordingOf(row), await recordingOf({ ...row })];
  expect(second).toEqual(first);
});

test('a bad network loses 3 % of the packets, lets others come late, and never the first or the last ones', () => {
  const size = sampleRate / 50;
  const packets = 5_000;
  const steady = Int16Array.from({ length: packets * size }, (_, index) => 1 + Math.floor(index / size));
  const heard = overBadNetwork(steady, sampleRate, 11);
  const first = Array.from({ length: packets }, (_, n) => heard[n * size] ?? 0);
  const silent = first.filter((value) => value === 0).length / packets;
  expect(silent).toBeGreaterThan(0.02);
  expect(silent).toBeLessThan(0.05);
  const late = first.filter((value, n) => value !== 0 && value < n + 1).length / packets;
  expect(late).toBeGreaterThan(0.03);
  expect(first.every((value, n) => value <= n + 1 && (value === 0 || value >= n - 2))).toBe(true);
  expect([first[0], first[1], first.at(-1)]).toEqual([1, 2, packets]);
});

test('a telephone lets nothing through above 4 kHz', () => {
  const tone = (hertz: number) =>
    Int16Array.from({ length: sampleRate }, (_, n) => 8_000 * Math.sin((2 * Math.PI * hertz * n) / sampleRate));
  const powerOf = (samples: Int16Array) => samples.reduce((sum, value) => sum + value * value, 0);
  const passed = (hertz: number) => powerOf(overPhone(tone(hertz), sampleRate)) / powerOf(tone(hertz));
  expect(passed(1_000)).toBeGreaterThan(0.9);
  expect(passed(6_000)).toBeLessThan(0.01);
});

test('interjections sound as they are meant to', async () => {
  for (const row of interruptions) {
    const { speech } = await recordingOf(row);
    expect(speech.length / sampleRate, row.name).toBeGreaterThan(1.2);
  }
  for (const name of noises) expect(loudSpan(noiseSamples(name)).end, name).toBeGreaterThan(sampleRate / 5);
}, 60_000);

test('a seed gives the same order each time, another one another', () => {
  const elements = Array.from({ length: 20 }, (_, n) => n);
  expect(shuffle(elements, 3)).toEqual(shuffle(elements, 3));
  expect(shuffle(elements, 3)).not.toEqual(shuffle(elements, 4));
  expect(shuffle(elements, 3).toSorted((a, b) => a - b)).toEqual(elements);
  const random = randomFrom(1);
  const mean = Array.from({ length: 1_000 }, random).reduce((sum, value) => sum + value, 0) / 1_000;
  expect(mean).toBeGreaterThan(0.45);
  expect(mean).toBeLessThan(0.55);
});
