/**
 * The only way in which a call's state changes: `advance(call, fact)`.
 *
 * Facts merge, they don't race: the record keeps the best fact of each kind, and the state follows from those. So the same facts give the
 * same record, in any order and however often they come.
 *
 * Glossary
 *   fact     something that happened to a call: answered, ended, or lost
 *   source   who reports that a call ended. Ranked: link > participant_left > room_finished > reconciler. An end of our own is `link`
 *   lost     reported by the reconciler: LiveKit has no such room. Any end event overrides it
 *   transferred   a person took over the caller: the end that follows, or was reported before, is no hang-up
 */
import { openStatuses, type CallStatus } from '../protocol/call-status.ts';

/** From the worst to the best. */
const endSources = ['reconciler', 'room_finished', 'participant_left', 'link'] as const;
type EndSource = (typeof endSources)[number];

export type CallFact =
  | Readonly<{ kind: 'answered'; at: Date }>
  /** `duration`: whole seconds; null when the event doesn't have it. */
  | Readonly<{
      kind: 'ended';
      source: Exclude<EndSource, 'reconciler'>;
      at: Date;
      reason: string;
      duration: number | null;
    }>
  | Readonly<{ kind: 'lost'; at: Date; reason: string }>
  | Readonly<{ kind: 'transferred'; at: Date }>;

/** The columns of a CallLog that only `advance` changes, and those that it reads. */
export type CallFacts = Readonly<{
  status: CallStatus;
  createdAt: Date;
  answeredAt: Date | null;
  endedAt: Date | null;
  endSource: string | null;
  /** The reason as the best source reported it; `endReason` is what the record shows. */
  endCause: string | null;
  endReason: string | null;
  duration: number | null;
  durationSource: string | null;
  transferredAt: Date | null;
}>;

/** The facts of a call to which nothing has happened yet. */
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

/** The better of two reports of one end: by rank, then the earlier one, then in alphabetical order. */
const betterEnd = (a: End | null, b: End): End => {
  if (a === null) return b;
  const order = rank(b.source) - rank(a.source) || a.at.getTime() - b.at.getTime() || (a.reason < b.reason ? -1 : 1);
  return order > 0 ? b : a;
};

/** @param isTaken whether our agent or a person answered it */
const statusOf = (answeredAt: Date | null, end: End | null, isTaken: boolean): CallStatus => {
  if (end === null) return answeredAt === null ? 'ringing' : 'in_progress';
  return end.source === 'reconciler' && !isTaken ? 'failed' : 'completed';
};

/** No agent could be had for a waiting caller, so we ended the call ourselves. */
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

/** The duration by an event: the longest that any event reported. */
const toldDuration = (call: CallFacts, fact: CallFact): number | null => {
  const known = call.durationSource === 'event' ? call.duration : null;
  const told = fact.kind === 'ended' ? fact.duration : null;
  return told === null ? known : Math.max(told, known ?? 0);
};

/**
 * What a call's record says once it also knows `fact`; null if it says that already. A rejected call stays as it is: it was refused when
 * it came in, whatever becomes of its room.
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

/** Whether a call is still going on. */
export const isOpen = (status: CallStatus): boolean => openStatuses.some((open) => open === status);
