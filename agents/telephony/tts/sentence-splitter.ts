/**
 * Splits a stream of text into pieces to be spoken, usually sentences. The first piece ends at the first clause, because the caller is
 * waiting for it. A piece is returned as soon as its end is certain, often before the first word of the next sentence. How the text was
 * chunked makes no difference, and the pieces add up to exactly the text.
 */

import { isLeadInPhrase } from '#src/protocol/lead-in-phrases.ts';

type SentenceSplitter = {
  /** Takes more text; returns the pieces that are now complete. */
  push: (text: string) => string[];
  /** Ends the text; returns the remaining pieces. */
  flush: () => string[];
};

/** A longer piece is cut at a comma or a space. */
const longestPiece = 400;

const hardStops = '。！？।؟';
const softStops = '.!?…';
const closers = '"\'”’»)]}';

/** Abbreviations whose period never ends a sentence. */
const neverEnd = new Set(
  'mr mrs ms mx dr prof sr jr st mt ft gen col sgt capt lt rev hon vs approx ext tel fig al e.g i.e ph.d cf'.split(' '),
);
/** Abbreviations whose period may end a sentence: the first letter of the next word decides. */
const mayEnd = new Set(
  (
    'a.m p.m am pm etc no inc ltd co corp dept est vol ave blvd rd apt min max sec hrs ' +
    'jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun'
  ).split(' '),
);

type StopKind = 'ends' | 'goes_on' | 'unknown';

/** Whether a sentence ends at a stop. @param after the text after the stop and its closing quotes @param ended whether the text is complete */
const classifyStop = (before: string, stop: string, after: string, ended: boolean): StopKind => {
  const next = after[0];
  if (next === undefined) return ended ? 'ends' : 'unknown';
  if (next === '\n') return 'ends';
  if (!/\s/.test(next)) return 'goes_on';
  const kind = kindOfStop(before, stop);
  if (kind !== 'depends_on_next') return kind;
  const first = after.trimStart()[0];
  if (first === undefined) return ended ? 'ends' : 'unknown';
  return /[\p{Ll}\p{N},;]/u.test(first) ? 'goes_on' : 'ends';
};

const kindOfStop = (before: string, stop: string): 'ends' | 'goes_on' | 'depends_on_next' => {
  if (stop === '…' || stop.length > 1) return /[!?]/.test(stop) ? 'ends' : 'depends_on_next';
  if (stop !== '.') return 'ends';
  const word = /\S*$/.exec(before)?.[0].replace(/^[^\p{L}\p{N}]+/u, '') ?? '';
  if (/^\s*\p{N}{1,3}$/u.test(before)) return 'goes_on'; // "1. First", a list's number
  if (/^\p{Lu}$/u.test(word) && word !== 'I') return 'goes_on'; // "J. Smith"
  const lower = word.toLowerCase();
  if (neverEnd.has(lower) || /^(\p{Lu}\.)+\p{Lu}$/u.test(word)) return 'goes_on'; // "U.S. Mail"
  return mayEnd.has(lower) ? 'depends_on_next' : 'ends';
};

/** A comma after a letter needs no lookahead, unlike the one in "1,000"; nor does "!". */
const clauseStops = /(?<=\p{L})[,;!]|[,;:–—](?=\s)/gu;
/** Words before which a speaker may pause. "To" and "of" are not among them: they bind too closely. */
const joints =
  /\s(?=(?:and|but|or|so|because|which|who|if|when|while|then|until|after|before|for|with|from|on|in)\s|at\s+[^\sa])/giu;

/** The minimum number of words in a clause that ends at a comma (`stop`) or before a joint. */
type ClauseLength = Readonly<{ stop: number; joint: number }>;
const firstClause: ClauseLength = { stop: 2, joint: 4 };
/** Shorter than a sentence, because the speech of a lead-in phrase is soon over. */
const secondClause: ClauseLength = { stop: 3, joint: 6 };
const leadInWords = 2;

const countWords = (text: string): number => text.match(/[\p{L}\p{N}][^\s]*/gu)?.length ?? 0;

/** Where the first clause of `text` ends; Infinity if there is none yet. */
const clauseEnd = (text: string, fewest: ClauseLength): number => {
  const isClause = (clause: string) =>
    countWords(clause) >= fewest.stop || (fewest === firstClause && isLeadInPhrase(clause));
  const stop = [...text.matchAll(clauseStops)].find(({ index }) => isClause(text.slice(0, index)));
  const joint = [...text.matchAll(joints)].find(({ index }) => countWords(text.slice(0, index)) >= fewest.joint);
  return Math.min(stop === undefined ? Infinity : stop.index + 1, joint?.index ?? Infinity);
};

/** Where the first sentence of `text` ends; null while that isn't certain. */
const firstEnd = (text: string, ended: boolean): number | null => {
  for (let at = 0; at < text.length; at += 1) {
    if (at >= longestPiece) return softEnd(text);
    const char = text.charAt(at);
    if (char === '\n' && speakable(text.slice(0, at))) return at;
    // Closing quotes are left to the next piece: they may be in the next chunk, and chunks must make no difference.
    if (hardStops.includes(char)) return at + 1;
    if (!softStops.includes(char)) continue;
    const stopEnd = pastStops(text, at);
    const end = pastClosers(text, stopEnd);
    const kind = classifyStop(text.slice(0, at), text.slice(at, stopEnd), text.slice(end), ended);
    if (kind === 'unknown') return null;
    if (kind === 'ends' && speakable(text.slice(0, end))) return end;
    at = end - 1;
  }
  return null;
};

const pastStops = (text: string, at: number): number => {
  while (softStops.includes(text.charAt(at)) && at < text.length) at += 1;
  return at;
};

const pastClosers = (text: string, at: number): number => {
  while (at < text.length && closers.includes(text.charAt(at))) at += 1;
  return at;
};

const softEnd = (text: string): number => {
  const head = text.slice(0, longestPiece);
  const comma = Math.max(head.lastIndexOf(', '), head.lastIndexOf('; '), head.lastIndexOf(': '));
  const cut = comma > longestPiece / 2 ? comma : head.lastIndexOf(' ');
  return cut > 0 ? cut + 1 : longestPiece;
};

/** Whether the text has anything that a voice can say. */
export const speakable = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);

/** Opens a splitter for one reply. */
export const openSentenceSplitter = (): SentenceSplitter => {
  let rest = '';
  let spokenWords = 0;
  const clauseLength = (): ClauseLength | null => {
    if (spokenWords === 0) return firstClause;
    return spokenWords <= leadInWords ? secondClause : null;
  };
  const nextEnd = (ended: boolean): number | null => {
    const sentence = firstEnd(rest, ended);
    const fewest = clauseLength();
    const clause = fewest === null ? Infinity : clauseEnd(rest, fewest);
    return clause < (sentence ?? Infinity) ? clause : sentence;
  };
  const take = (ended: boolean): string[] => {
    const pieces: string[] = [];
    for (let end = nextEnd(ended); end !== null; end = nextEnd(ended)) {
      spokenWords += countWords(rest.slice(0, end));
      pieces.push(rest.slice(0, end));
      rest = rest.slice(end);
    }
    return pieces;
  };
  return {
    push: (text) => {
      rest += text;
      return take(false);
    },
    flush: () => {
      const pieces = take(true);
      if (rest !== '') pieces.push(rest);
      rest = '';
      return pieces;
    },
  };
};
