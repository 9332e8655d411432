import { expect, test } from 'vitest';
import { figuresOf, type Sample } from '#test/bench/reply/figures.ts';
import { hasLeadIn, scenario } from '#test/bench/reply/scenario.ts';
import { newTally } from '#test/bench/sides/phone.ts';
import { providersMs } from '#test/bench/sides/stage.ts';

const sample = (more: Partial<Sample>): Sample => ({
  ...{ variant: 'ours', block: 1, isHeldOut: false, recording: 'hours', kind: 'question', treatments: [], pauses: 0 },
  ...{ cutInMs: null, heardMs: providersMs + 100, understood: true, turn: 2 },
  ...more,
});

test('half of the replies begin with a prepared lead-in phrase', () => {
  const turns = Array.from({ length: 8 }, (_, index) => index + 1);
  expect(turns.filter(hasLeadIn)).toEqual([1, 3, 5, 7]);
  expect(hasLeadIn(0)).toBe(false);
  expect(scenario.replies[0]).toMatchObject({ when: { turn: 1 }, say: expect.stringMatching(/^Of course,/) as string });
});

test('a missing reply counts as the time it was waited for', () => {
  const { addedMs, missed, heardMs } = figuresOf([sample({}), sample({ heardMs: null })], newTally());
  expect(missed).toBe(1);
  expect(addedMs).toMatchObject({ p95: 12_000 - providersMs, n: 2 });
  expect(heardMs.p95).toBe(12_000);
});

test('replies to a part of the utterance count only in the unfiltered figures', () => {
  const samples = [sample({}), sample({ understood: false, heardMs: providersMs + 5 })];
  const { addedMs, addedMsUnfiltered, notAllUnderstood } = figuresOf(samples, newTally());
  expect(addedMs).toMatchObject({ p50: 100, n: 1 });
  expect(addedMsUnfiltered.n).toBe(2);
  expect(notAllUnderstood).toBe(1);
});

test('replies with and without a lead-in phrase are reported apart', () => {
  const samples = [sample({ turn: 1, heardMs: providersMs + 20 }), sample({ turn: 2, heardMs: providersMs + 240 })];
  const { addedMsLeadIn, addedMsNoLeadIn } = figuresOf(samples, newTally());
  expect([addedMsLeadIn.p50, addedMsNoLeadIn.p50]).toEqual([20, 240]);
});

test('cut-ins are told by whether the utterance has pauses, and have no latency', () => {
  const cutIn = { cutInMs: 300, heardMs: null, understood: false };
  const samples = [sample({ ...cutIn, pauses: 2 }), sample(cutIn), sample({ pauses: 3, isHeldOut: true })];
  const figures = figuresOf(samples, newTally());
  expect(figures).toMatchObject({ falseCutIns: 1, otherCutIns: 1, pauses: 5, missed: 0 });
  expect(figures.addedMs.n).toBe(1);
  expect(figures.heldOutSet).toMatchObject({ falseCutIns: 0, pauses: 3 });
  expect(figures.tuningSet).toMatchObject({ falseCutIns: 1, pauses: 2 });
});
