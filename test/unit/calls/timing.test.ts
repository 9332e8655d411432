import { describe, expect, test } from 'vitest';
import { repliesOf, type ReplyStage, type TimedTurn } from '#src/calls/timing/reply-timing.ts';
import { timingOf, type TimedCall } from '#src/calls/timing/timing.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (ms: number): Date => new Date(start + ms);

const bare: TimedCall = {
  id: 'c',
  status: 'completed',
  rejectReason: null,
  endReason: 'caller_hangup',
  createdAt: at(0),
  answeredAt: null,
  endedAt: null,
  timings: {},
  turns: [],
  events: [],
};
const greeting: TimedTurn = { seq: 0, role: 'agent', startMs: 1_300, endMs: 3_000, latency: { firstAudio: 12 } };
const caller = (seq: number, latency: unknown): TimedTurn => ({
  seq,
  role: 'caller',
  startMs: 4_000,
  endMs: 5_000,
  latency,
});
const agent = (seq: number, latency: { heard: number } & Record<string, number>): TimedTurn => ({
  seq,
  role: 'agent',
  startMs: 5_000 + latency.heard,
  endMs: 9_000,
  latency,
});
const tool = (seq: number, startMs: number, endMs: number): TimedTurn => ({
  seq,
  role: 'tool',
  startMs,
  endMs,
  latency: null,
});

const stagesOf = (call: TimedCall) =>
  timingOf(call).pickup.stages.map(({ name, atMs, tookMs }) => [name, atMs, tookMs]);

describe('pick-up', () => {
  const answered: TimedCall = {
    ...bare,
    answeredAt: at(1_200),
    endedAt: at(20_000),
    timings: {
      offered: -50,
      accepted: -49,
      entered: 250,
      jobReceived: 360,
      sessionStarted: 700,
      active: 950,
      greeted: 2_760,
    },
    events: [
      { type: 'routed', data: { source: 'webhook', reasons: [] }, at: at(4) },
      { type: 'claimed', data: { attempt: 1, jobId: 'j' }, at: at(600) },
      { type: 'in_progress', data: {}, at: at(1_205) },
    ],
    turns: [greeting],
  };

  test('lays what the worker, the service and the call process did on one clock', () => {
    expect(stagesOf(answered)).toEqual([
      ['came_in', 0, 0],
      ['routed', 4, 4],
      ['offered', 200, 196],
      ['accepted', 201, 1],
      ['entered', 250, 49],
      ['claimed', 600, 350],
      ['jobReceived', 610, 10],
      ['sessionStarted', 950, 340],
      ['active', 1_200, 250],
      ['first_sound', 1_300, 100],
      ['greeted', 3_010, 1_710],
    ]);
    expect(timingOf(answered).pickup).toMatchObject({
      answeredMs: 1_200,
      firstSoundMs: 1_300,
      slowest: { from: 'entered', to: 'claimed', tookMs: 350 },
      unplaced: {},
    });
  });

  test('names the source and the attempt', () => {
    const details = timingOf(answered).pickup.stages.map(({ detail }) => detail);
    expect(details.filter((detail) => detail !== null)).toEqual(['webhook', 'attempt 1']);
  });

  test('a call that its own job brought has stages before its record', () => {
    const early = timingOf({ ...answered, timings: { offered: -50, entered: -350 } }).pickup;
    expect(early.stages[0]).toEqual({ name: 'offered', atMs: -400, tookMs: 0, detail: null });
  });

  test('what comes after the first sound is nobody’s fault, nor is a reply a greeting', () => {
    const late = { ...answered, events: [...answered.events, { type: 'agent_lost', data: {}, at: at(9_000) }] };
    expect(timingOf(late).pickup.slowest).toMatchObject({ tookMs: 350 });
    const callerFirst = timingOf({ ...answered, turns: [caller(0, null), agent(1, { heard: 900, firstToken: 300 })] });
    expect(callerFirst.pickup.firstSoundMs).toBeNull();
  });

  test('a call that was never answered shows how far it came, and its end', () => {
    const abandoned = { ...answered, answeredAt: null, endReason: 'abandoned', endedAt: at(1_000), turns: [] };
    const timing = timingOf({ ...abandoned, timings: { entered: 250, sessionStarted: 700 } });
    expect(timing.pickup.stages.at(-1)).toEqual({ name: 'ended', atMs: 1_000, tookMs: 50, detail: 'abandoned' });
    expect(timing.pickup.stages.map(({ name }) => name)).toContain('sessionStarted');
    expect(timing.pickup.answeredMs).toBeNull();
  });

  test('stages without a start of their process are told apart', () => {
    const { pickup } = timingOf({ ...bare, timings: { sessionStarted: 700 } });
    expect(pickup).toMatchObject({ unplaced: { sessionStarted: 700 }, slowest: null });
    expect(pickup.stages.map(({ name }) => name)).toEqual(['came_in']);
  });

  test('a caller who could not be known to hear is answered all the same', () => {
    const timings = { entered: 250, sessionStarted: 700, activeTimedOut: 950 };
    const stages = stagesOf({ ...answered, timings }).map(([name, atMs]) => [name, atMs]);
    expect(stages).toEqual(
      expect.arrayContaining([
        ['activeTimedOut', 1_200],
        ['answered', 1_200],
      ]),
    );
    expect(stages.flat()).not.toContain('active');
  });

  test('a call that another agent answered has its answer', () => {
    expect(stagesOf({ ...bare, answeredAt: at(2_500) })).toContainEqual(['answered', 2_500, 2_500]);
  });

  test('a refused call has its refusal, and broken columns hold nothing', () => {
    const refused = { ...bare, status: 'rejected', rejectReason: 'number_unknown', endReason: null, timings: 'broken' };
    const events = [{ type: 'rejected', data: ['broken'], at: at(3) }];
    expect(timingOf({ ...refused, events })).toMatchObject({
      rejectReason: 'number_unknown',
      pickup: { stages: [{ name: 'came_in' }, { name: 'rejected', atMs: 3, detail: null }], answeredMs: null },
      replies: [],
      unmeasured: 0,
      overall: null,
    });
  });
});

describe('replies', () => {
  const stagesOf = (turns: TimedTurn[]): Partial<Record<ReplyStage, number>> => {
    const [reply] = repliesOf(turns).replies;
    if (reply === undefined) throw new Error('no reply');
    expect(Object.values(reply.stages).reduce((sum, ms) => sum + ms, 0)).toBe(reply.heardMs);
    return Object.fromEntries(Object.entries(reply.stages).filter(([, ms]) => ms !== 0));
  };
  const heard = (end: number, figures: { heard: number } & Record<string, number>) => [
    caller(1, { transcript: 250, endOfTurn: end }),
    agent(2, figures),
  ];

  test('an answer that was ready when the turn ended waited for the turn', () => {
    const asked = { modelAsked: 250, voiceAsked: 790, firstToken: 350, firstAudio: 150 };
    expect(stagesOf(heard(1_000, { ...asked, heard: 1_020 }))).toEqual({ transcript: 250, turn_end: 750, sending: 20 });
    expect(stagesOf(heard(1_000, { firstToken: 350, firstAudio: 150, heard: 1_020 }))).toEqual({
      transcript: 250,
      turn_end: 750,
      sending: 20,
    });
  });

  test('an answer that came later than the turn’s end waited for model and voice, and not for the turn', () => {
    const asked = { modelAsked: 255, voiceAsked: 795, firstToken: 350, firstAudio: 150 };
    expect(stagesOf(heard(550, { ...asked, heard: 960 }))).toEqual({
      transcript: 250,
      turn_end: 5,
      model: 350,
      clause: 190,
      voice: 150,
      sending: 15,
    });
  });

  test('a model that was asked from interim words hides the transcript, even before the caller’s last sound', () => {
    const asked = { modelAsked: -100, voiceAsked: 400, firstToken: 350, firstAudio: 300 };
    expect(stagesOf(heard(550, { ...asked, heard: 700 }))).toEqual({ model: 250, clause: 150, voice: 300 });
  });

  test('without their beginnings model and voice are placed as late as they can have been', () => {
    const { replies } = repliesOf(heard(550, { firstToken: 350, firstAudio: 150, heard: 950 }));
    expect(replies).toMatchObject([{ isExact: false, slowest: 'model', atMs: 5_000, heardMs: 950 }]);
    const stages = stagesOf(heard(550, { firstToken: 350, firstAudio: 150, heard: 950 }));
    expect(stages).toEqual({ transcript: 250, turn_end: 200, model: 350, voice: 150 });
    // A model that can't have been asked before the turn's end: what lies between was spent on words.
    const slow = stagesOf(heard(550, { firstToken: 350, firstAudio: 150, heard: 1_400 }));
    expect(slow).toEqual({ transcript: 250, turn_end: 300, clause: 350, model: 350, voice: 150 });
  });

  test('tools are waited for, and what follows the first words is no reply', () => {
    const turns = [
      caller(1, { transcript: 250, endOfTurn: 500 }),
      tool(2, 5_900, 7_400),
      agent(3, { firstToken: 300, firstAudio: 150, heard: 3_000 }),
      tool(4, 9_500, 9_600),
      agent(5, { firstToken: 300, firstAudio: 150, heard: 6_000 }),
    ];
    const expected = { transcript: 250, turn_end: 250, model: 700, tool: 1_500, clause: 150, voice: 150 };
    expect(stagesOf(turns)).toEqual(expected);
    expect(repliesOf(turns)).toMatchObject({ replies: [{ seq: 3, slowest: 'tool' }], unmeasured: 0 });
  });

  test('after a tool the model is the one that was asked with its result', () => {
    const turns = [
      caller(1, { transcript: 250, endOfTurn: 500 }),
      tool(2, 5_900, 7_400),
      agent(3, { modelAsked: 2_410, voiceAsked: 2_800, firstToken: 300, firstAudio: 150, heard: 3_000 }),
    ];
    const expected = { transcript: 250, turn_end: 250, model: 700, tool: 1_510, clause: 90, voice: 150, sending: 50 };
    expect(stagesOf(turns)).toEqual(expected);
    expect(repliesOf(turns).replies).toMatchObject([{ isExact: true }]);
  });

  test('answers without figures are counted, greetings and second sentences are not', () => {
    const apology = { ...greeting, seq: 2, latency: null };
    expect(repliesOf([greeting, caller(1, null), apology, { ...greeting, seq: 3 }])).toEqual({
      replies: [],
      unmeasured: 1,
    });
    const untold = agent(2, { heard: 900, firstToken: 300, firstAudio: 150 });
    expect(repliesOf([caller(1, null), untold])).toEqual({ replies: [], unmeasured: 1 });
    expect(repliesOf([caller(1, { transcript: 200, endOfTurn: 300 })])).toEqual({ replies: [], unmeasured: 0 });
  });

  test('the call’s figures are nearest ranks over its replies, its slowest stage the one with most of the wait', () => {
    const turns = Array.from({ length: 20 }, (_, index) => [
      caller(2 * index, { transcript: 100, endOfTurn: 200 }),
      agent(2 * index + 1, { modelAsked: 100, voiceAsked: 500, firstToken: 400, firstAudio: 100, heard: 610 + index }),
    ]).flat();
    const slow = [caller(40, { transcript: 100, endOfTurn: 200 }), agent(41, { firstToken: 50, heard: 9_000 })];
    const { overall } = timingOf({ ...bare, turns: [...turns, ...slow] });
    expect(overall?.heardMs).toEqual({ p50: 620, p95: 629 });
    expect(overall?.stages.model).toEqual({ p50: 400, p95: 400 });
    expect(overall?.latency).toMatchObject({ firstAudio: { p50: 100, p95: 100 }, endOfTurn: { p50: 200, p95: 200 } });
    expect(overall?.slowest).toBe('clause');
    expect(timingOf({ ...bare, turns }).overall?.slowest).toBe('model');
  });
});
