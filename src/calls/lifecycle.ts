/**
 * The one door for a call's state: `advance(call, fact)`.
 *
 * Facts merge, they don't race: of every kind the record keeps the best one that it has heard, and the state follows from what
 * it keeps. So the same facts, in any order and however often, make the same record.
 *
 * Glossary
 *   fact     something that happened to a call: answered, ended, or lost
 *   source   who says that a call ended. Ranked: link > participant_left > room_finished > reconciler
 *   lost     the reconciler's word: LiveKit knows no such room. Any end event knows better
 */
import type { CallStatus } from './call.ts';

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
  | Readonly<{ kind: 'lost'; at: Date; reason: string }>;

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
}>;

type End = Readonly<{ source: string; at: Date; reason: string }>;

const rank = (source: string): number => endSources.findIndex((known) => known === source);

/** Of two words about one end the better: the higher rank, then the earlier, then the first in the alphabet. */
const betterEnd = (a: End | null, b: End): End => {
  if (a === null) return b;
  const order = rank(b.source) - rank(a.source) || a.at.getTime() - b.at.getTime() || (a.reason < b.reason ? -1 : 1);
  return order > 0 ? b : a;
};

const statusOf = (answeredAt: Date | null, end: End | null): CallStatus => {
  if (end === null) return answeredAt === null ? 'ringing' : 'in_progress';
  return end.source === 'reconciler' && answeredAt === null ? 'failed' : 'completed';
};

const secondsBetween = (from: Date, to: Date): number =>
  Math.max(0, Math.round((to.getTime() - from.getTime()) / 1000));

const endOf = (call: CallFacts): End | null =>
  call.endedAt === null || call.endSource === null
    ? null
    : { source: call.endSource, at: call.endedAt, reason: call.endCause ?? '' };

const answerOf = (call: CallFacts, fact: CallFact): Date | null =>
  fact.kind === 'answered' && (call.answeredAt === null || fact.at < call.answeredAt) ? fact.at : call.answeredAt;

const endAfter = (before: End | null, fact: CallFact): End | null => {
  switch (fact.kind) {
    case 'answered':
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
  const end = endAfter(endOf(call), fact);
  const told = toldDuration(call, fact);
  const status = statusOf(answeredAt, end);
  const next: CallFacts = {
    status,
    createdAt: call.createdAt,
    answeredAt,
    endedAt: end?.at ?? null,
    endSource: end?.source ?? null,
    endCause: end?.reason ?? null,
    endReason: status === 'completed' && answeredAt === null ? 'abandoned' : (end?.reason ?? null),
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
  a.durationSource === b.durationSource;

/** Whether a call still goes on. */
export const isOpen = (status: CallStatus): boolean => status === 'ringing' || status === 'in_progress';
