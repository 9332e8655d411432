/**
 * What was said, in a world without speech recognition: the next stretch of speech on a connection is the next line of its
 * scenario, unless somebody said over the control endpoint what it will be.
 *
 * Word: with its time within the line, in ms from the line's first sound.
 * Piece: what one stretch of speech holds. `exact` words have true times, so that a pause may come anywhere among them;
 *   the others' times are guessed, and the piece is one stretch as a whole.
 */
import { z } from 'zod';
import type { ScriptLine, Scenario } from './scenario.ts';

export const wordSchema = z.strictObject({ text: z.string().min(1), startMs: z.number(), endMs: z.number() });

export const utteranceInputSchema = z.strictObject({
  text: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** True times, when they are known: then the line may be said with pauses anywhere. */
  words: z.array(wordSchema).min(1).optional(),
  scenario: z.string().optional(),
});

export type Word = z.infer<typeof wordSchema>;
export type UtteranceInput = z.infer<typeof utteranceInputSchema>;
export type Utterance = { words: Word[]; isTimed: boolean };

/** Where one connection is in its scenario. */
export type ScriptCursor = {
  /** What the speech that starts now will have said, after that much silence; null when there is nothing more. */
  next(silenceMs: number): Utterance | null;
  /** The rest of a piece that a pause broke off. */
  saveRest(rest: Utterance): void;
  /** A piece whose transcript was never delivered: the next, if its sound comes again at once. */
  requeue(piece: Utterance): void;
};

export type Scripts = {
  queue(said: UtteranceInput, scenario: string): void;
  /** A cursor at the first line, or the one that a connection left behind moments ago when it broke. */
  cursor(scenario: string): ScriptCursor;
  park(scenario: string, cursor: ScriptCursor): void;
  reset(scenario: string): void;
};

const adoptWithinMs = 15_000;
/** Sound that isn't sent again within this time after a connection broke is lost, and its words with it. */
const againWithinMs = 3000;
/** A caller who broke off and comes back this much later than the words' times say, starts with something new. */
const lateMs = 1500;

export const createScripts = (scenarioOf: (name: string) => Scenario | undefined): Scripts => {
  const said = new Map<string, Utterance[]>();
  const abandoned = new Map<string, { cursor: ScriptCursor; atMs: number }>();
  const saidOf = (name: string): Utterance[] => {
    const pieces = said.get(name) ?? [];
    said.set(name, pieces);
    return pieces;
  };
  return {
    queue: ({ text, words }, name) => {
      saidOf(name).push(...(words ? [{ words, isTimed: true }] : piecesOf(text)));
    },
    cursor(name) {
      const left = abandoned.get(name);
      abandoned.delete(name);
      if (left && Date.now() - left.atMs < adoptWithinMs) return left.cursor;
      return openCursor(
        () => saidOf(name).shift(),
        () => scenarioOf(name),
      );
    },
    park: (name, cursor) => void abandoned.set(name, { cursor, atMs: Date.now() }),
    reset(name) {
      abandoned.delete(name);
      said.delete(name);
    },
  };
};

const openCursor = (nextSaid: () => Utterance | undefined, scenarioNow: () => Scenario | undefined): ScriptCursor => {
  const queue: Utterance[] = [];
  let lost: { piece: Utterance; atMs: number }[] = [];
  let rest: Utterance | null = null;
  let index = 0;
  const nextLine = (): Utterance[] => {
    const scenario = scenarioNow();
    if (!scenario) return [];
    if (scenario.repeat && index >= scenario.caller.length) index = 0;
    const line = scenario.caller[index];
    index += 1;
    return line === undefined ? [] : piecesOf(line);
  };
  return {
    next(silenceMs) {
      lost = lost.filter(({ atMs }) => Date.now() - atMs < againWithinMs);
      const again = lost.shift();
      if (again) return again.piece;
      const kept = rest;
      rest = null;
      if (kept && silenceMs <= (kept.words[0]?.startMs ?? 0) + lateMs) return fromZero(kept);
      if (queue.length === 0) {
        const piece = nextSaid();
        queue.push(...(piece ? [piece] : nextLine()));
      }
      const piece = queue.shift();
      return piece ? fromZero(piece) : null;
    },
    saveRest: (piece) => void (rest = piece),
    requeue(piece) {
      rest = null;
      lost.push({ piece, atMs: Date.now() });
    },
  };
};

const fromZero = ({ words, isTimed: exact }: Utterance): Utterance => {
  const offsetMs = words[0]?.startMs ?? 0;
  return {
    isTimed: exact,
    words: words.map((w) => ({ ...w, startMs: w.startMs - offsetMs, endMs: w.endMs - offsetMs })),
  };
};

const piecesOf = (line: ScriptLine): Utterance[] =>
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

/** Words that ended `lagMs` before `heardMs`; guessed ones never all, for their line may go on. */
export const wordsHeard = (piece: Utterance, heardMs: number, lagMs: number): Word[] => {
  const words = piece.words.filter((word) => word.endMs <= heardMs - lagMs);
  return piece.isTimed ? words : words.slice(0, piece.words.length - 1);
};

/** Divides a piece at the end of a stretch of speech of that length: what was said in it, and what comes after the pause. */
export const splitUtterance = (piece: Utterance, speechMs: number): { spoken: Word[]; rest: Utterance | null } => {
  if (!piece.isTimed) return { spoken: stretch(piece.words, speechMs), rest: null };
  const spoken = piece.words.filter((word) => (word.startMs + word.endMs) / 2 <= speechMs);
  const left = piece.words.slice(spoken.length);
  if (left.length === 0) return { spoken, rest: null };
  return { spoken, rest: { isTimed: true, words: left.map((w) => shift(w, -speechMs)) } };
};

const stretch = (words: Word[], speechMs: number): Word[] => {
  const factor = speechMs / Math.max(1, words.at(-1)?.endMs ?? 1);
  return words.map((word) => ({ ...word, startMs: word.startMs * factor, endMs: word.endMs * factor }));
};

const shift = (word: Word, byMs: number): Word => ({ ...word, startMs: word.startMs + byMs, endMs: word.endMs + byMs });
