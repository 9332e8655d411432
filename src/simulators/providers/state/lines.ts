/**
 * What was said, in a world without speech recognition: the next stretch of speech on a connection is the next line of its
 * scenario, unless somebody said over the control endpoint what it will be.
 *
 * Word: with its time within the line, in ms from the line's first sound.
 * Piece: what one stretch of speech holds. `exact` words have true times, so that a pause may come anywhere among them;
 *   the others' times are guessed, and the piece is one stretch as a whole.
 */
import { z } from 'zod';
import type { Line, Scenario } from './scenario.ts';

export const wordSchema = z.strictObject({ text: z.string().min(1), startMs: z.number(), endMs: z.number() });

export const saidSchema = z.strictObject({
  text: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** True times, when they are known: then the line may be said with pauses anywhere. */
  words: z.array(wordSchema).min(1).optional(),
  scenario: z.string().optional(),
});

export type Word = z.infer<typeof wordSchema>;
export type Said = z.infer<typeof saidSchema>;
export type Piece = { words: Word[]; exact: boolean };

/** Where one connection is in its scenario. */
export type Cursor = {
  /** What the speech that starts now will have said, after that much silence; null when there is nothing more. */
  next(silenceMs: number): Piece | null;
  /** The rest of a piece that a pause broke off. */
  keep(rest: Piece): void;
  /** A piece whose transcript was never delivered: the next, if its sound comes again at once. */
  giveBack(piece: Piece): void;
};

export type Lines = {
  say(said: Said, scenario: string): void;
  /** A cursor at the first line, or the one that a connection left behind moments ago when it broke. */
  cursor(scenario: string): Cursor;
  abandon(scenario: string, cursor: Cursor): void;
  forget(scenario: string): void;
};

const adoptWithinMs = 15_000;
/** Sound that isn't sent again within this time after a connection broke is lost, and its words with it. */
const againWithinMs = 3000;
/** A caller who broke off and comes back this much later than the words' times say, starts with something new. */
const lateMs = 1500;

export function openLines(scenarioOf: (name: string) => Scenario | undefined): Lines {
  const said = new Map<string, Piece[]>();
  const abandoned = new Map<string, { cursor: Cursor; atMs: number }>();
  const saidOf = (name: string): Piece[] => {
    const pieces = said.get(name) ?? [];
    said.set(name, pieces);
    return pieces;
  };
  return {
    say: ({ text, words }, name) => {
      saidOf(name).push(...(words ? [{ words, exact: true }] : piecesOf(text)));
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
    abandon: (name, cursor) => void abandoned.set(name, { cursor, atMs: Date.now() }),
    forget(name) {
      abandoned.delete(name);
      said.delete(name);
    },
  };
}

function openCursor(nextSaid: () => Piece | undefined, scenarioNow: () => Scenario | undefined): Cursor {
  const queue: Piece[] = [];
  let lost: { piece: Piece; atMs: number }[] = [];
  let rest: Piece | null = null;
  let index = 0;
  const nextLine = (): Piece[] => {
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
    keep: (piece) => void (rest = piece),
    giveBack(piece) {
      rest = null;
      lost.push({ piece, atMs: Date.now() });
    },
  };
}

function fromZero({ words, exact }: Piece): Piece {
  const offsetMs = words[0]?.startMs ?? 0;
  return { exact, words: words.map((w) => ({ ...w, startMs: w.startMs - offsetMs, endMs: w.endMs - offsetMs })) };
}

function piecesOf(line: Line): Piece[] {
  return [line].flat().map((text) => ({ words: guessTimes(text), exact: false }));
}

/** About 175 words a minute. */
function guessTimes(text: string): Word[] {
  let atMs = 0;
  return (text.match(/\S+/g) ?? []).map((word) => {
    const startMs = atMs;
    atMs += 80 + 50 * word.length;
    return { text: word, startMs, endMs: atMs };
  });
}

/** Words that ended `lagMs` before `heardMs`; guessed ones never all, for their line may go on. */
export function wordsHeard(piece: Piece, heardMs: number, lagMs: number): Word[] {
  const words = piece.words.filter((word) => word.endMs <= heardMs - lagMs);
  return piece.exact ? words : words.slice(0, piece.words.length - 1);
}

/** Divides a piece at the end of a stretch of speech of that length: what was said in it, and what comes after the pause. */
export function divide(piece: Piece, speechMs: number): { spoken: Word[]; rest: Piece | null } {
  if (!piece.exact) return { spoken: stretch(piece.words, speechMs), rest: null };
  const spoken = piece.words.filter((word) => (word.startMs + word.endMs) / 2 <= speechMs);
  const left = piece.words.slice(spoken.length);
  if (left.length === 0) return { spoken, rest: null };
  return { spoken, rest: { exact: true, words: left.map((w) => shift(w, -speechMs)) } };
}

function stretch(words: Word[], speechMs: number): Word[] {
  const factor = speechMs / Math.max(1, words.at(-1)?.endMs ?? 1);
  return words.map((word) => ({ ...word, startMs: word.startMs * factor, endMs: word.endMs * factor }));
}

function shift(word: Word, byMs: number): Word {
  return { ...word, startMs: word.startMs + byMs, endMs: word.endMs + byMs };
}
