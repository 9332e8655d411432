import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, isOpen, noFacts, type CallFact, type CallFacts } from '#src/calls/lifecycle.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number): Date => new Date(start + seconds * 1000);

const ringing: CallFacts = {
  ...noFacts,
  status: 'ringing',
  createdAt: at(0),
};

const after = (...facts: CallFact[]): CallFacts => facts.reduce((call, fact) => advance(call, fact) ?? call, ringing);

const answered = (seconds: number): CallFact => ({ kind: 'answered', at: at(seconds) });
const ended = (
  source: 'link' | 'participant_left' | 'room_finished',
  seconds: number,
  duration: number | null = null,
): CallFact => ({ kind: 'ended', source, at: at(seconds), reason: `by ${source}`, duration });
const lost = (seconds: number): CallFact => ({ kind: 'lost', at: at(seconds), reason: 'room_gone' });

const transferred = (seconds: number): CallFact => ({ kind: 'transferred', at: at(seconds) });

describe('advance', () => {
  test('a call that was answered and left is completed, for as long as it was answered', () => {
    expect(after(answered(2), ended('participant_left', 10))).toMatchObject({
      status: 'completed',
      duration: 8,
      endReason: 'by participant_left',
      endedAt: at(10),
    });
  });

  test('a caller who leaves unanswered abandoned the call, which counts from its creation', () => {
    expect(after(ended('participant_left', 7))).toMatchObject({
      status: 'completed',
      answeredAt: null,
      duration: 7,
      endReason: 'abandoned',
    });
  });

  test('a caller for whom no agent could be had abandoned nothing', () => {
    const givenUp: CallFact = { kind: 'ended', source: 'link', at: at(13), reason: 'no_agent', duration: null };
    expect(after(ended('participant_left', 13), givenUp)).toMatchObject({ status: 'completed', endReason: 'no_agent' });
  });

  test("an event's own duration replaces a computed one, also afterwards", () => {
    const completed = after(answered(2), ended('link', 10), ended('room_finished', 11, 183));
    expect(completed).toMatchObject({ duration: 183, durationSource: 'event', endReason: 'by link', endedAt: at(10) });
  });

  test('the best source tells when and why it ended, whoever came first', () => {
    const completed = after(answered(1), ended('room_finished', 30), ended('participant_left', 20), ended('link', 19));
    expect(completed).toMatchObject({ endReason: 'by link', endedAt: at(19), duration: 18 });
  });

  test('a lost call failed where nobody was served; a later end event makes it completed', () => {
    const failed = after(lost(70));
    expect(failed).toMatchObject({ status: 'failed', endReason: 'room_gone' });
    expect(advance(failed, ended('room_finished', 60))).toMatchObject({ status: 'completed', endedAt: at(60) });
  });

  test('a lost call that was answered is completed', () => {
    expect(after(answered(1), lost(70))).toMatchObject({ status: 'completed', endReason: 'room_gone' });
  });

  test('an answer that is heard of after the end still counts', () => {
    expect(after(ended('participant_left', 10), answered(4))).toMatchObject({
      status: 'completed',
      duration: 6,
      endReason: 'by participant_left',
    });
  });

  test('what the record says already changes nothing', () => {
    const completed = after(answered(2), ended('link', 10));
    expect(advance(completed, answered(2))).toBeNull();
    expect(advance(completed, ended('link', 10))).toBeNull();
    expect(advance(completed, ended('room_finished', 12))).toBeNull();
  });

  test('a caller whom a person took over did not hang up, whoever told first, answered by us or not', () => {
    const taken = transferred(20);
    expect(after(answered(2), taken)).toMatchObject({ status: 'in_progress', transferredAt: at(20) });
    expect(after(answered(2), taken, ended('link', 21))).toMatchObject({
      status: 'completed',
      endReason: 'transferred',
      duration: 19,
    });
    expect(after(ended('participant_left', 21), taken)).toMatchObject({
      status: 'completed',
      endReason: 'transferred',
    });
    expect(after(taken, lost(70))).toMatchObject({ status: 'completed', endReason: 'transferred' });
  });

  test('a rejected call stays rejected', () => {
    expect(advance({ ...ringing, status: 'rejected' }, ended('link', 3))).toBeNull();
  });
});

const time = fc.integer({ min: 0, max: 20 }).map(at);
const anyFact: fc.Arbitrary<CallFact> = fc.oneof(
  fc.record({ kind: fc.constant('answered' as const), at: time }),
  fc.record({ kind: fc.constant('transferred' as const), at: time }),
  fc.record({ kind: fc.constant('lost' as const), at: time, reason: fc.constantFrom('room_gone', 'no_agent') }),
  fc.record({
    kind: fc.constant('ended' as const),
    source: fc.constantFrom('link' as const, 'participant_left' as const, 'room_finished' as const),
    at: time,
    reason: fc.constantFrom('caller_hangup', 'agent_hangup', 'silence', 'no_agent'),
    duration: fc.option(fc.integer({ min: 0, max: 300 })),
  }),
);

describe('facts merge', () => {
  test('every order and repetition of the same facts makes the same record', () => {
    const shuffled = fc
      .array(anyFact, { minLength: 1, maxLength: 7 })
      .chain((facts) =>
        fc.tuple(
          fc.constant(facts),
          fc.shuffledSubarray(facts, { minLength: facts.length }),
          fc.array(fc.constantFrom(...facts), { maxLength: 5 }),
        ),
      );
    fc.assert(
      fc.property(shuffled, ([facts, other, repeats]) => {
        expect(after(...other, ...repeats)).toEqual(after(...facts));
      }),
      { numRuns: 3000 },
    );
  });

  test('a final call never opens again, and once it is completed it stays so', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 8 }), anyFact, (facts, fact) => {
        const before = after(...facts);
        const next = advance(before, fact) ?? before;
        if (!isOpen(before.status)) expect(isOpen(next.status)).toBe(false);
        if (before.status === 'completed') expect(next.status).toBe('completed');
      }),
      { numRuns: 3000 },
    );
  });
});
