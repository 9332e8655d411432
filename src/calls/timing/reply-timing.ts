/**
 * The wait for each reply of a call, in stages that follow one another: so the one to blame has a name. All times are ms.
 *
 * Glossary
 *   reply   what the model says first after the caller spoke; it is waited for from the caller's last sound, as the call process
 *           heard it, until the first sound is sent back: what the telephone network takes is beyond it
 *   stage   a part of that wait. One follows the other: what ran beside something slower wasn't waited for
 */
import { z } from 'zod';

/** In the order in which they come. */
export const replyStages = [
  'transcript', // until the last words were understood
  'turn_end', // until the caller's turn was taken for over, or the model was asked all the same
  'tool', // while tools ran
  'model', // from asking the model to its first token
  'clause', // from there until there were words enough to speak
  'voice', // from asking the voice for them to its first audio
  'sending', // from there until it was sent
] as const;
export type ReplyStage = (typeof replyStages)[number];

/** Offsets count from when the call came in. `latency` holds figures by name: see `replyOf`. */
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
  /** Whether it was recorded when model and voice were asked; else they are placed as late as they can have been. */
  isExact: boolean;
  /** As recorded. */
  latency: Figures;
}>;

const jsonObject = z.record(z.string(), z.unknown()).catch({});

/** Reads a JSON column of a record; what it doesn't hold is left out. */
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
    asked = null; // What the agent says beyond its first words isn't waited for like them.
  }
  return { replies, unmeasured };
};

/**
 * The figures, since the caller's last sound: `transcript` the last final transcript came, `endOfTurn` the turn was taken for over,
 * `modelAsked` and `voiceAsked` the model and the voice were asked, `heard` the first sound was sent. For themselves: `firstToken`
 * took the model, `firstAudio` the voice. Null where one that is needed is missing.
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

/** What is ready when the turn ends is sent within this long. */
const promptMs = 50;

type Cut = readonly [ReplyStage, untilMs: number];

type Known = Readonly<
  Record<'transcript' | 'endOfTurn' | 'firstToken' | 'firstAudio' | 'heard' | 'modelAsked' | 'voiceAsked', number>
> &
  Readonly<{ isExact: boolean; tools: readonly Readonly<{ fromMs: number; untilMs: number }>[] }>;

/**
 * An answer is begun before the turn's end: where its sound was ready by then, the end of the turn is what was waited for, and
 * neither model nor voice; where it wasn't, they are.
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

/** Lays the stages one after the other, each until its cut; what is left until `heardMs` went on sending. */
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

/** The stage with the largest value; of equal ones the first. */
export const largest = (stages: Readonly<Record<ReplyStage, number>>): ReplyStage =>
  replyStages.reduce((worst, stage) => (stages[stage] > stages[worst] ? stage : worst));
