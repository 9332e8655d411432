/**
 * The one door for a call's state: `advance(call, fact)`.
 *
 * Facts merge, they don't race: of every kind the record keeps the best one that it has heard, and the state follows from what
 * it keeps. So the same facts, in any order and however often, make the same record.
 *
 * Glossary
 *   fact     something that happened to a call: answered, ended, or lost
 *   source   who says that a call ended. Ranked: link > participant_left > room_finished > reconciler. What we end ourselves is of `link`
 *   lost     the reconciler's word: LiveKit knows no such room. Any end event knows better
 *   transferred   a person has taken the caller over: the end that follows, or that was told before, is no hang-up
 */
import type { CallStatus } from '../protocol/call-status.ts';

/** From the least to the best. */
const endSources = ['reconciler', 'room_finished', 'participant_left', 'link'] as const;
export type EndSource = (typeof endSources)[number];

export type CallFact =
  | Readonly<{ kind: 'answered'; at: Date }>
  /** `duration`: whole seconds, where the event tells them itself. */
  | Readonly<{
      kind: 'ended';
      source: Exclude<EndSource, 'reconciler'>;
      at: Date;
      reason: string;
      duration: number | null;
    }>
  | Readonly<{ kind: 'lost'; at: Date; reason: string }>
  | Readonly<{ kind: 'transferred'; at: Date }>;

/** The columns of a CallLog that this door alone writes, and those that it reads. */
export type CallFacts = Readonly<{
  status: CallStatus;
  createdAt: Date;
  answeredAt: Date | null;
  endedAt: Date | null;
  endSource: string | null;
  /** The reason as the best source told it; `endReason` is what the record shows. */
  endCause: string | null;
  endReason: string | null;
  duration: number | null;
  durationSource: string | null;
  transferredAt: Date | null;
}>;

/** What is known of a call that nothing has happened to yet. */
export const noFacts = {
  answeredAt: null,
  endedAt: null,
  endSource: null,
  endCause: null,
  endReason: null,
  duration: null,
  durationSource: null,
  transferredAt: null,
} as const satisfies Partial<CallFacts>;

type End = Readonly<{ source: string; at: Date; reason: string }>;

const rank = (source: string): number => endSources.findIndex((known) => known === source);

/** Of two words about one end the better: the higher rank, then the earlier, then the first in the alphabet. */
const betterEnd = (a: End | null, b: End): End => {
  if (a === null) return b;
  const order = rank(b.source) - rank(a.source) || a.at.getTime() - b.at.getTime() || (a.reason < b.reason ? -1 : 1);
  return order > 0 ? b : a;
};

/** `isTaken`: somebody answered it, our agent or a person. */
const statusOf = (answeredAt: Date | null, end: End | null, isTaken: boolean): CallStatus => {
  if (end === null) return answeredAt === null ? 'ringing' : 'in_progress';
  return end.source === 'reconciler' && !isTaken ? 'failed' : 'completed';
};

/** No agent could be had for a caller who waited: it is we who ended the call. */
const givenUp = ['no_agent', 'agent_lost'] as const;
export type GivenUp = (typeof givenUp)[number];

const reasonOf = (end: End | null, status: CallStatus, { answeredAt, transferredAt }: Taken): string | null => {
  if (end === null) return null;
  if (transferredAt !== null) return 'transferred';
  const isAbandoned = status === 'completed' && answeredAt === null && !givenUp.some((reason) => reason === end.reason);
  return isAbandoned ? 'abandoned' : end.reason;
};

type Taken = Pick<CallFacts, 'answeredAt' | 'transferredAt'>;

const secondsBetween = (from: Date, to: Date): number =>
  Math.max(0, Math.round((to.getTime() - from.getTime()) / 1000));

const endOf = (call: CallFacts): End | null =>
  call.endedAt === null || call.endSource === null
    ? null
    : { source: call.endSource, at: call.endedAt, reason: call.endCause ?? '' };

const answerOf = (call: CallFacts, fact: CallFact): Date | null =>
  fact.kind === 'answered' && (call.answeredAt === null || fact.at < call.answeredAt) ? fact.at : call.answeredAt;

const transferOf = (call: CallFacts, fact: CallFact): Date | null =>
  fact.kind === 'transferred' && (call.transferredAt === null || fact.at < call.transferredAt)
    ? fact.at
    : call.transferredAt;

const endAfter = (before: End | null, fact: CallFact): End | null => {
  switch (fact.kind) {
    case 'answered':
    case 'transferred':
      return before;
    case 'ended':
      return betterEnd(before, { source: fact.source, at: fact.at, reason: fact.reason });
    case 'lost':
      return betterEnd(before, { source: 'reconciler', at: fact.at, reason: fact.reason });
  }
};

/** The event's own duration: the longest that any event told. */
const toldDuration = (call: CallFacts, fact: CallFact): number | null => {
  const known = call.durationSource === 'event' ? call.duration : null;
  const told = fact.kind === 'ended' ? fact.duration : null;
  return told === null ? known : Math.max(told, known ?? 0);
};

/**
 * What a call's record says once it also knows `fact`; null where it says that already. A rejected call stays as it is: it was
 * refused when it came, whatever becomes of its room.
 */
export const advance = (call: CallFacts, fact: CallFact): CallFacts | null => {
  if (call.status === 'rejected') return null;
  const answeredAt = answerOf(call, fact);
  const transferredAt = transferOf(call, fact);
  const end = endAfter(endOf(call), fact);
  const told = toldDuration(call, fact);
  const status = statusOf(answeredAt, end, answeredAt !== null || transferredAt !== null);
  const next: CallFacts = {
    status,
    createdAt: call.createdAt,
    answeredAt,
    endedAt: end?.at ?? null,
    endSource: end?.source ?? null,
    endCause: end?.reason ?? null,
    endReason: reasonOf(end, status, { answeredAt, transferredAt }),
    transferredAt,
    duration: told ?? (end === null ? null : secondsBetween(answeredAt ?? call.createdAt, end.at)),
    durationSource: told !== null ? 'event' : end === null ? null : 'computed',
  };
  return isSame(call, next) ? null : next;
};

const isSame = (a: CallFacts, b: CallFacts): boolean =>
  a.status === b.status &&
  a.answeredAt?.getTime() === b.answeredAt?.getTime() &&
  a.endedAt?.getTime() === b.endedAt?.getTime() &&
  a.endSource === b.endSource &&
  a.endCause === b.endCause &&
  a.endReason === b.endReason &&
  a.duration === b.duration &&
  a.durationSource === b.durationSource &&
  a.transferredAt?.getTime() === b.transferredAt?.getTime();

/** Whether a call still goes on. */
export const isOpen = (status: CallStatus): boolean => status === 'ringing' || status === 'in_progress';
