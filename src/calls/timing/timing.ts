/**
 * Where the time of a call went, read from its record: its pick-up and its replies (reply-timing.ts). All times are ms.
 *
 * Glossary
 *   pick-up   from when the call came in to the agent's first sound; to the answer, if the caller speaks first
 *   stage     a moment of the pick-up
 */
import {
  figuresOf,
  forEachStage,
  largest,
  objectOf,
  repliesOf,
  type Figures,
  type Reply,
  type ReplyStage,
  type TimedTurn,
} from './reply-timing.ts';

/** A call's record, as far as its timing goes. Offsets count from `createdAt`, when the call came in. */
export type TimedCall = Readonly<{
  id: string;
  status: string;
  rejectReason: string | null;
  endReason: string | null;
  createdAt: Date;
  answeredAt: Date | null;
  endedAt: Date | null;
  /** `entered`: when the job began, since the call came in. The other stages count from there; earlier ones are negative. */
  timings: unknown;
  turns: readonly TimedTurn[];
  events: readonly Readonly<{ type: string; data: unknown; at: Date }>[];
}>;

/** `atMs`: since the call came in, negative before its record was created; `tookMs`: since the previous stage. */
export type Stage = Readonly<{ name: string; atMs: number; tookMs: number; detail: string | null }>;

export type Pickup = Readonly<{
  stages: readonly Stage[];
  /** Null: it never was. */
  answeredMs: number | null;
  firstSoundMs: number | null;
  slowest: Readonly<{ from: string; to: string; tookMs: number }> | null;
  /** Stages known only relative to the start of a job, when that start isn't known. */
  unplaced: Figures;
}>;

type Spread = Readonly<{ p50: number; p95: number }>;

export type CallTiming = Readonly<{
  callId: string;
  status: string;
  rejectReason: string | null;
  endReason: string | null;
  pickup: Pickup;
  replies: readonly Reply[];
  /** Answers without figures: system messages, and replies whose beginning isn't known. */
  unmeasured: number;
  /** Answers that were begun and thrown away because the caller went on speaking. */
  discarded: number;
  /** Null if there are no replies. */
  overall: Readonly<{
    heardMs: Spread;
    stages: Readonly<Record<ReplyStage, Spread>>;
    /** Over the replies that have them. */
    latency: Readonly<Record<string, Spread>>;
    slowest: ReplyStage;
  }> | null;
}>;

/** The timing of a call. */
export const timingOf = (call: TimedCall): CallTiming => {
  const { id: callId, status, rejectReason, endReason } = call;
  const { replies, unmeasured } = repliesOf(call.turns);
  const pickup = pickupOf(call);
  const discarded = sum(call.turns.map(({ latency }) => figuresOf(latency)['discarded'] ?? 0));
  const overall = overallOf(replies);
  return { callId, status, rejectReason, endReason, pickup, replies, unmeasured, discarded, overall };
};

/** The events that are stages of the pick-up, and which of their data is shown. */
const stageEvents: Readonly<Record<string, string>> = {
  routed: 'source',
  rejected: 'source',
  claimed: 'attempt',
  dispatched_again: '',
  redispatched: 'attempt',
  agent_lost: '',
  handed_over: 'agentName',
  hand_over_failed: 'agentName',
};

const pickupOf = (call: TimedCall): Pickup => {
  const { answeredAt, createdAt } = call;
  const { entered: enteredMs, ...stages } = figuresOf(call.timings);
  const answeredMs = answeredAt === null ? null : answeredAt.getTime() - createdAt.getTime();
  const firstSoundMs = firstSoundOf(call.turns);
  const isActive = enteredMs !== undefined && stages['active'] !== undefined;
  const placed = enteredMs === undefined ? [] : Object.entries({ entered: 0, ...stages });
  const allStages = inOrder([
    { name: 'came_in', atMs: 0, detail: null },
    ...eventStages(call),
    ...placed.map(([name, ms]) => ({ name, atMs: ms + (enteredMs ?? 0), detail: null })),
    ...(answeredMs === null || isActive ? [] : [{ name: 'answered', atMs: answeredMs, detail: null }]),
    ...(firstSoundMs === null ? [] : [{ name: 'first_sound', atMs: firstSoundMs, detail: null }]),
    ...endStage(call),
  ]);
  const until = firstSoundMs ?? answeredMs ?? Infinity;
  return {
    stages: allStages,
    answeredMs,
    firstSoundMs,
    slowest: slowestStep(allStages, until),
    unplaced: placed.length > 0 ? {} : stages,
  };
};

type PlainStage = Omit<Stage, 'tookMs'>;

const eventStages = ({ events, createdAt }: TimedCall): PlainStage[] =>
  events.flatMap(({ type, data, at }) => {
    const telling = stageEvents[type];
    if (telling === undefined) return [];
    const detail = objectOf(data)[telling];
    const isPlain = typeof detail === 'string' || typeof detail === 'number';
    return [
      {
        name: type,
        atMs: at.getTime() - createdAt.getTime(),
        detail: isPlain ? `${telling === 'attempt' ? 'attempt ' : ''}${detail}` : null,
      },
    ];
  });

/** Of a call that wasn't answered, the end belongs to the pick-up. */
const endStage = ({ answeredAt, endedAt, createdAt, endReason }: TimedCall): PlainStage[] =>
  answeredAt !== null || endedAt === null
    ? []
    : [{ name: 'ended', atMs: endedAt.getTime() - createdAt.getTime(), detail: endReason }];

const inOrder = (stages: readonly PlainStage[]): Stage[] =>
  stages
    .toSorted((a, b) => a.atMs - b.atMs)
    .map((mark, index, sorted) => ({ ...mark, tookMs: mark.atMs - (sorted[index - 1] ?? mark).atMs }));

const slowestStep = (stages: readonly Stage[], until: number): Pickup['slowest'] => {
  const steps = stages.flatMap((to, index) => {
    const from = stages[index - 1];
    return from === undefined || to.atMs > until ? [] : [{ from: from.name, to: to.name, tookMs: to.tookMs }];
  });
  return steps.toSorted((a, b) => b.tookMs - a.tookMs)[0] ?? null;
};

/** When the greeting began, if the call's first words were the agent's. */
const firstSoundOf = (turns: readonly TimedTurn[]): number | null => {
  const first = turns.find(({ role }) => role !== 'tool');
  return first?.role === 'agent' && figuresOf(first.latency)['firstToken'] === undefined ? first.startMs : null;
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** By nearest rank: always one of the values, of which there is at least one. */
const spreadOf = (values: readonly number[]): Spread => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95) };
};

const overallOf = (replies: readonly Reply[]): CallTiming['overall'] => {
  if (replies.length === 0) return null;
  const names = [...new Set(replies.flatMap(({ latency }) => Object.keys(latency)))];
  return {
    heardMs: spreadOf(replies.map(({ heardMs }) => heardMs)),
    stages: forEachStage((stage) => spreadOf(replies.map(({ stages }) => stages[stage]))),
    latency: Object.fromEntries(
      names.map((name) => [name, spreadOf(replies.flatMap(({ latency }) => latency[name] ?? []))]),
    ),
    slowest: largest(forEachStage((stage) => sum(replies.map(({ stages }) => stages[stage])))),
  };
};
