/**
 * Whether the caller has finished, judged by what was understood so far: how long to wait for more before the turn is theirs no
 * longer. Silence alone can't tell "My number is …" from "Yes."; the words mostly can.
 *
 * The wait costs little: the answer is prepared meanwhile (preemptive generation), and a caller who goes on is simply heard on.
 *
 * Glossary
 *   patience    how long the caller may be silent, counted from their last word, before the agent answers
 *   dictation   digits or letters that are told one after the other: pauses between groups are part of it
 */
import { createTurnDetector } from '#src/framework/turn-detector.ts';
import type { SpeechTracker } from './speech-tracker.ts';

/** In ms since the end of speech. */
type EndpointingDelays = Readonly<{
  /** A finished question, a short answer. */
  finishedMs: number;
  /** A sentence that the transcription closed with a full stop: often right, as it hears the voice fall. */
  closedMs: number;
  /** Who says who they are goes on to say what they want. */
  introducedMs: number;
  /** A sentence that may be over, without a full stop. */
  openMs: number;
  /** Digits or letters were dictated, and the voice fell. */
  dictatedMs: number;
  /** Digits or letters are being dictated. */
  dictationMs: number;
  /** The last word demands another one. */
  unfinishedMs: number;
}>;

/** An answer takes its 700 ms or so anyway (transcript, model, voice): what is shorter costs nothing. */
export const defaultEndpointingDelays: EndpointingDelays = {
  finishedMs: 350,
  closedMs: 550,
  introducedMs: 720,
  openMs: 1_000,
  dictatedMs: 720,
  dictationMs: 1_500,
  unfinishedMs: 2_500,
};

type TurnState = keyof EndpointingDelays;

/** The patience of somebody who waits `factor` times as long. */
export const scaleDelays = (patience: EndpointingDelays, factor: number): EndpointingDelays => ({
  finishedMs: Math.round(patience.finishedMs * factor),
  closedMs: Math.round(patience.closedMs * factor),
  introducedMs: Math.round(patience.introducedMs * factor),
  openMs: Math.round(patience.openMs * factor),
  dictatedMs: Math.round(patience.dictatedMs * factor),
  dictationMs: Math.round(patience.dictationMs * factor),
  unfinishedMs: Math.round(patience.unfinishedMs * factor),
});

const list = (words: string): ReadonlySet<string> => new Set(words.split(' '));

const hesitations = list('uh um uhm er erm eh ah hmm hm mm well');
/** Words after which a sentence goes on: conjunctions, articles, prepositions, and what introduces something. */
const demanding = list(
  'and or but so because cause if when whether while although unless until than as like the a an my your his her our their ' +
    'to for with at from by of about into onto between without and/or plus also maybe perhaps very really just not ' +
    "i we they he she i'm we're they're it's that's there's i'd i'll we'd we'll what's who's let's let gonna wanna",
);
const introductions =
  /\b(name|number|address|e-?mail|date|birthday|birth|code|zip|problem|question|reason|order|account|id) (is|was|are)$/;
/** "Hello, this is Peter Shaw." */
const selfIntroductions =
  /^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)) (?:there )?)?(?:my name is|my name's|this is)(?: \S+){1,3}(?: (?:here|speaking|calling))?$/;
const shortAnswers = list(
  "yes yeah yep yup sure no nope nah okay ok correct right exactly absolutely definitely thanks goodbye bye hello hi that's " +
    'please thank you it is i am do did not that great perfect fine good all sounds will can no,',
);
const digitWords = list('zero oh one two three four five six seven eight nine ten eleven twelve double triple hundred');
/** A telephone number in full: with area code. */
const fullNumberDigits = 10;

const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}'@/ -]+/gu, ' ')
    .split(/[\s-]+/)
    .filter((word) => word !== '');

const isDigits = (word: string): boolean => /^\d+$/.test(word) || digitWords.has(word);
const isLetter = (word: string): boolean => /^\p{L}$/u.test(word);

/** The digits and letters at the end of what was said. */
const dictatedTail = (words: readonly string[]): { groups: number; digits: number; letters: number } => {
  const from = words.findLastIndex((word) => !isDigits(word) && !isLetter(word)) + 1;
  const tail = words.slice(from);
  const digits = tail.filter(isDigits).reduce((sum, word) => sum + (/^\d+$/.test(word) ? word.length : 1), 0);
  return { groups: tail.length, digits, letters: tail.filter(isLetter).length };
};

const asksForDictation = (asked: string): boolean =>
  /\b(number|digits?|spell(ing)?|code|zip|letters?|account|card|e-?mail)\b/i.test(asked) && asked.trim().endsWith('?');

/**
 * Judges a caller's words.
 * @param said what was understood of this turn so far, as the transcription writes it
 * @param asked what the agent said last
 */
export const classifyTurn = (said: string, asked: string): TurnState => {
  const words = wordsOf(said);
  const last = words.at(-1);
  if (last === undefined) return 'openMs';
  if (said.trim().endsWith('?')) return 'finishedMs';
  const { groups, digits, letters } = dictatedTail(words);
  if (digits >= fullNumberDigits) return 'closedMs';
  const isDictation = groups >= 2 || (groups === 1 && asksForDictation(asked));
  if (isDictation && digits + letters > 0) return isPunctuated(said) ? 'dictatedMs' : 'dictationMs';
  if (hesitations.has(last) || /(\.\.\.|…|,|-)$/.test(said.trim())) return 'unfinishedMs';
  if (words.length <= 4 && words.every((word) => shortAnswers.has(word))) return 'finishedMs';
  if (demanding.has(last) || introductions.test(words.join(' '))) return 'unfinishedMs';
  if (!isPunctuated(said)) return 'openMs';
  return selfIntroductions.test(words.join(' ')) && !/\bname\b/i.test(asked) ? 'introducedMs' : 'closedMs';
};

const isPunctuated = (said: string): boolean => /[.!?。！？।؟]["'”’)]*$/u.test(said.trim());

/**
 * Opens the detector of the end of the caller's turn. It is to follow the session's tracker before the session starts.
 * @param vadSilenceMs how much silence the session's voice activity detection waits for before it reports the end of speech
 */
export const openEndOfTurn = (delays: EndpointingDelays, vadSilenceMs: number) => {
  let silentSince = 0;
  let punctuates = false;
  const detector = createTurnDetector((said, agentSaid) => {
    const state = classifyTurn(said, agentSaid);
    punctuates ||= isPunctuated(said);
    // From a transcription that never writes full stops, a missing one says nothing.
    const delay = delays[state === 'openMs' && !punctuates ? 'closedMs' : state];
    return silentSince + delay - Date.now();
  });
  return {
    detector,
    follow: ({ events }: Pick<SpeechTracker, 'events'>): void => {
      events.on('caller', (isSpeaking) => {
        if (!isSpeaking) silentSince = Date.now() - vadSilenceMs;
      });
    },
  };
};
