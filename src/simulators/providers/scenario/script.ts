/**
 * What callers say, in place of speech recognition: the next stretch of speech on a connection is the next utterance of its
 * scenario's script, unless another one was queued over the control endpoint.
 *
 * Word: with its times within the utterance, in ms from the first sound.
 * Utterance: what one stretch of speech says. If it `isTimed`, the times of its words are known, and a pause may come anywhere
 *   among them; otherwise they are guessed, and the utterance is one stretch as a whole.
 */
import { z } from 'zod';
import type { Scenario, ScriptLine } from './scenario.ts';

const wordSchema = z.strictObject({ text: z.string().min(1), startMs: z.number(), endMs: z.number() });

export const utteranceInputSchema = z.strictObject({
  text: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** The times of the words, if known: then the caller may pause anywhere. */
  words: z.array(wordSchema).min(1).optional(),
  scenario: z.string().optional(),
});

export type Word = z.infer<typeof wordSchema>;
export type UtteranceInput = z.infer<typeof utteranceInputSchema>;
export type Utterance = { words: Word[]; isTimed: boolean };

/** The position of one connection in its scenario's script. */
export type ScriptCursor = {
  /** What the speech that starts now says, given the silence before it; null at the end of the script. */
  next(silenceMs: number): Utterance | null;
  /** Keeps the rest of an utterance that a pause interrupted. */
  saveRest(rest: Utterance): void;
  /** Takes back an utterance whose transcript was never delivered: it is the next one if its audio is sent again soon. */
  requeue(utterance: Utterance): void;
};

export type Scripts = {
  /** Queues an utterance before the rest of the script. */
  queue(input: UtteranceInput, scenario: string): void;
  /** A cursor at the first line, or the one that a broken connection has just parked. */
  cursor(scenario: string): ScriptCursor;
  park(scenario: string, cursor: ScriptCursor): void;
  reset(scenario: string): void;
};

const parkedForMs = 15_000;
/** Audio that is not sent again this soon after a connection broke is lost, and its words with it. */
const requeuedForMs = 3000;
/** A caller who resumes this much later than the words' times say starts something new. */
const maxLatenessMs = 1500;

export const createScripts = (scenarioOf: (name: string) => Scenario | undefined): Scripts => {
  const queues = new Map<string, Utterance[]>();
  const parked = new Map<string, { cursor: ScriptCursor; atMs: number }>();
  const queueOf = (name: string): Utterance[] => {
    const utterances = queues.get(name) ?? [];
    queues.set(name, utterances);
    return utterances;
  };
  return {
    queue: ({ text, words }, name) => {
      queueOf(name).push(...(words ? [{ words, isTimed: true }] : utterancesOf(text)));
    },
    cursor(name) {
      const left = parked.get(name);
      parked.delete(name);
      if (left && Date.now() - left.atMs < parkedForMs) return left.cursor;
      return createCursor(
        () => queueOf(name).shift(),
        () => scenarioOf(name),
      );
    },
    park: (name, cursor) => void parked.set(name, { cursor, atMs: Date.now() }),
    reset(name) {
      parked.delete(name);
      queues.delete(name);
    },
  };
};

const createCursor = (
  nextQueued: () => Utterance | undefined,
  currentScenario: () => Scenario | undefined,
): ScriptCursor => {
  const line: Utterance[] = [];
  let requeued: { utterance: Utterance; atMs: number }[] = [];
  let rest: Utterance | null = null;
  let index = 0;
  const nextLine = (): Utterance[] => {
    const scenario = currentScenario();
    if (!scenario) return [];
    if (scenario.repeat && index >= scenario.caller.length) index = 0;
    const next = scenario.caller[index];
    index += 1;
    return next === undefined ? [] : utterancesOf(next);
  };
  return {
    next(silenceMs) {
      requeued = requeued.filter(({ atMs }) => Date.now() - atMs < requeuedForMs);
      const again = requeued.shift();
      if (again) return again.utterance;
      const saved = rest;
      rest = null;
      if (saved && silenceMs <= (saved.words[0]?.startMs ?? 0) + maxLatenessMs) return fromZero(saved);
      if (line.length === 0) {
        const queued = nextQueued();
        line.push(...(queued ? [queued] : nextLine()));
      }
      const utterance = line.shift();
      return utterance ? fromZero(utterance) : null;
    },
    saveRest: (utterance) => void (rest = utterance),
    requeue(utterance) {
      rest = null;
      requeued.push({ utterance, atMs: Date.now() });
    },
  };
};

const utterancesOf = (line: ScriptLine): Utterance[] =>
  [line].flat().map((text) => ({ words: guessTimes(text), isTimed: false }));

/** About 175 words a minute. */
const guessTimes = (text: string): Word[] => {
  let atMs = 0;
  return (text.match(/\S+/g) ?? []).map((word) => {
    const startMs = atMs;
    atMs += 80 + 50 * word.length;
    return { text: word, startMs, endMs: atMs };
  });
};

/** The words that ended `lagMs` before `heardMs`; if their times are guessed, never all of them, for more may follow. */
export const wordsHeard = (utterance: Utterance, heardMs: number, lagMs: number): Word[] => {
  const words = utterance.words.filter((word) => word.endMs <= heardMs - lagMs);
  return utterance.isTimed ? words : words.slice(0, utterance.words.length - 1);
};

/** Splits an utterance at the end of a stretch of speech of `speechMs`: its words, and what comes after the pause. */
export const splitUtterance = (
  { words, isTimed }: Utterance,
  speechMs: number,
): { spoken: Word[]; rest: Utterance | null } => {
  if (!isTimed) return { spoken: stretch(words, speechMs), rest: null };
  const spoken = words.filter((word) => (word.startMs + word.endMs) / 2 <= speechMs);
  const rest = words.slice(spoken.length);
  return { spoken, rest: rest.length === 0 ? null : { isTimed, words: shift(rest, -speechMs) } };
};

/** Scales guessed times to the length of the speech. */
const stretch = (words: Word[], speechMs: number): Word[] => {
  const factor = speechMs / Math.max(1, words.at(-1)?.endMs ?? 1);
  return words.map((word) => ({ ...word, startMs: word.startMs * factor, endMs: word.endMs * factor }));
};

const fromZero = ({ words, isTimed }: Utterance): Utterance => ({
  isTimed,
  words: shift(words, -(words[0]?.startMs ?? 0)),
});

const shift = (words: Word[], byMs: number): Word[] =>
  words.map((word) => ({ ...word, startMs: word.startMs + byMs, endMs: word.endMs + byMs }));
