/**
 * How long the caller waited for each reply, in consecutive stages, so that the slow one has a name. All times are ms.
 *
 * Glossary
 *   reply   what the model says first after the caller spoke. The wait for it runs from the caller's last sound, as the call host heard it,
 *           to the first sound sent back; the telephone network's own delay isn't in it
 *   stage   a part of that wait. What ran beside something slower wasn't waited for
 */
import { z } from 'zod';

/** In order. */
export const replyStages = [
  'transcript', // until the last words were understood
  'turn_end', // until the caller's turn counted as over, or the model was asked anyway
  'tool', // while tools ran
  'model', // from asking the model to its first token
  'clause', // from there until there were enough words to speak
  'voice', // from asking the voice for them to its first audio
  'sending', // from there until it was sent
] as const;
export type ReplyStage = (typeof replyStages)[number];

/** Offsets count from when the call came in. `latency` has figures by name: see `replyOf`. */
export type TimedTurn = Readonly<{
  seq: number;
  role: 'agent' | 'caller' | 'tool';
  startMs: number;
  endMs: number;
  latency: unknown;
}>;

/** Numbers by name. */
export type Figures = Readonly<Record<string, number>>;

export type Reply = Readonly<{
  /** Of the agent's turn. */
  seq: number;
  /** The caller's last sound, since the call came in. */
  atMs: number;
  heardMs: number;
  /** They add up to `heardMs`. */
  stages: Readonly<Record<ReplyStage, number>>;
  slowest: ReplyStage;
  /** Whether it was recorded when the model and the voice were asked; otherwise they are placed as late as possible. */
  isExact: boolean;
  /** As recorded. */
  latency: Figures;
}>;

const jsonObject = z.record(z.string(), z.unknown()).catch({});

/** Reads a JSON column of a record; empty if it holds no object. */
export const objectOf = (json: unknown): Readonly<Record<string, unknown>> => jsonObject.parse(json);

/** Its numbers. */
export const figuresOf = (json: unknown): Figures =>
  Object.fromEntries(
    Object.entries(objectOf(json)).flatMap(([name, value]) =>
      typeof value === 'number' ? [[name, value] as const] : [],
    ),
  );

type Asked = Readonly<{ caller: Figures; tools: readonly TimedTurn[] }>;

/** The replies of a call's turns; `unmeasured` counts the answers without figures. */
export const repliesOf = (turns: readonly TimedTurn[]): { replies: Reply[]; unmeasured: number } => {
  const replies: Reply[] = [];
  let unmeasured = 0;
  let asked: Asked | null = null;
  for (const turn of turns) {
    if (turn.role === 'caller') asked = { caller: figuresOf(turn.latency), tools: [] };
    if (asked === null) continue;
    if (turn.role === 'tool') asked = { ...asked, tools: [...asked.tools, turn] };
    if (turn.role !== 'agent') continue;
    const reply = replyOf(asked, turn);
    if (reply === null) unmeasured += 1;
    else replies.push(reply);
    asked = null; // Only the agent's first words are waited for.
  }
  return { replies, unmeasured };
};

/**
 * The figures count from the caller's last sound: `transcript` to the last final transcript, `endOfTurn` to the end of the turn,
 * `modelAsked` and `voiceAsked` to the requests, `heard` to the first sound sent. `firstToken` and `firstAudio` are how long the model and
 * the voice took. Null when a necessary figure is missing.
 */
const replyOf = (asked: Asked, { seq, startMs, latency }: TimedTurn): Reply | null => {
  const figures: Figures = { ...asked.caller, ...figuresOf(latency) };
  const { transcript, endOfTurn, firstToken, firstAudio = 0, heard, modelAsked, voiceAsked } = figures;
  if (transcript === undefined || endOfTurn === undefined || firstToken === undefined || heard === undefined)
    return null;
  const isExact = modelAsked !== undefined && voiceAsked !== undefined;
  const latestVoice = voiceAsked ?? heard - firstAudio;
  const known = { transcript, endOfTurn, firstToken, firstAudio, heard, isExact, voiceAsked: latestVoice };
  const atMs = startMs - heard;
  const tools = asked.tools.map((tool) => ({ fromMs: tool.startMs - atMs, untilMs: tool.endMs - atMs }));
  const stages = stagesUntil(heard, cutsOf({ ...known, modelAsked: modelAsked ?? latestVoice - firstToken, tools }));
  return { seq, atMs, heardMs: heard, stages, slowest: largest(stages), isExact, latency: figures };
};

/** What is ready when the turn ends is sent within this time. */
const promptMs = 50;

type Cut = readonly [ReplyStage, untilMs: number];

type Known = Readonly<
  Record<'transcript' | 'endOfTurn' | 'firstToken' | 'firstAudio' | 'heard' | 'modelAsked' | 'voiceAsked', number>
> &
  Readonly<{ isExact: boolean; tools: readonly Readonly<{ fromMs: number; untilMs: number }>[] }>;

/**
 * An answer is begun before the end of the turn. If its sound was ready by then, the caller waited for the end of the turn, and for neither
 * model nor voice; if not, they did.
 */
const cutsOf = ({ transcript, endOfTurn, modelAsked, voiceAsked, tools, isExact, ...known }: Known): Cut[] => {
  const readyMs = voiceAsked + known.firstAudio;
  const wasReady = tools.length === 0 && (isExact ? readyMs <= endOfTurn : known.heard - endOfTurn <= promptMs);
  if (wasReady)
    return [
      ['transcript', transcript],
      ['turn_end', endOfTurn],
    ];
  const unasked = tools.length > 0 ? 'tool' : 'turn_end';
  return [
    ['transcript', Math.min(transcript, modelAsked)],
    ['turn_end', Math.min(endOfTurn, modelAsked)],
    ...tools.flatMap(({ fromMs, untilMs }): Cut[] => [
      ['model', fromMs], // it asked for the tool
      ['tool', untilMs],
    ]),
    [isExact ? unasked : 'clause', modelAsked],
    ['model', modelAsked + known.firstToken],
    ['clause', voiceAsked],
    ['voice', readyMs],
  ];
};

/** Lays out the stages, each until its cut; what is left until `heardMs` was sending. */
const stagesUntil = (heardMs: number, cuts: readonly Cut[]): Record<ReplyStage, number> => {
  const stages = forEachStage(() => 0);
  let from = 0;
  for (const [stage, cut] of [...cuts, ['sending', heardMs] as const]) {
    const to = Math.min(Math.max(cut, from), heardMs);
    stages[stage] += to - from;
    from = to;
  }
  return stages;
};

/** A value for every stage. */
export const forEachStage = <T>(make: (stage: ReplyStage) => T): Record<ReplyStage, T> => ({
  transcript: make('transcript'),
  turn_end: make('turn_end'),
  tool: make('tool'),
  model: make('model'),
  clause: make('clause'),
  voice: make('voice'),
  sending: make('sending'),
});

/** The stage with the largest value; the first of equal ones. */
export const largest = (stages: Readonly<Record<ReplyStage, number>>): ReplyStage =>
  replyStages.reduce((worst, stage) => (stages[stage] > stages[worst] ? stage : worst));
