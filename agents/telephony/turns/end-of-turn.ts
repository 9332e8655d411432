/**
 * Decides from the caller's words when their turn is over. Silence alone can't tell "My number is …" from "Yes."; the words mostly can.
 *
 * A long delay costs little: the reply is generated meanwhile (preemptive generation), and a caller who goes on is simply listened to.
 *
 * The word lists are English only. In other languages just the punctuation, digits and single letters count.
 *
 * Glossary
 *   endpointing delay   how long the caller may be silent after their last word before the agent replies
 *   dictation           digits or letters, said one after the other, with pauses between groups
 */
import { createTurnDetector } from '#src/framework/turn-detector.ts';
import type { SpeechTracker } from './speech-tracker.ts';

/** The endpointing delay for each state of a turn, in ms. */
type EndpointingDelays = Readonly<{
  /** A complete question, or a short answer. */
  finishedMs: number;
  /** A sentence that the STT ended with a period. It is often right, since it hears the intonation. */
  closedMs: number;
  /** The caller gave their name, and will probably go on to say what they want. */
  introducedMs: number;
  /** A sentence without a period, which may be over. */
  openMs: number;
  /** Digits or letters were dictated, and the STT ended them with a period. */
  dictatedMs: number;
  /** Digits or letters are being dictated. */
  dictationMs: number;
  /** The last word needs another one after it. */
  unfinishedMs: number;
}>;

/** A reply takes about 700 ms anyway (STT, LLM and TTS), so shorter delays cost nothing. */
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

/** Multiplies all delays by `factor`. */
export const scaleDelays = (delays: EndpointingDelays, factor: number): EndpointingDelays => ({
  finishedMs: Math.round(delays.finishedMs * factor),
  closedMs: Math.round(delays.closedMs * factor),
  introducedMs: Math.round(delays.introducedMs * factor),
  openMs: Math.round(delays.openMs * factor),
  dictatedMs: Math.round(delays.dictatedMs * factor),
  dictationMs: Math.round(delays.dictationMs * factor),
  unfinishedMs: Math.round(delays.unfinishedMs * factor),
});

const list = (words: string): ReadonlySet<string> => new Set(words.split(' '));

const hesitations = list('uh um uhm er erm eh ah hmm hm mm well');
/** Words that don't end a sentence: conjunctions, articles, prepositions and the like. */
const continuing = list(
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
/** The length of a complete telephone number with area code. */
const fullNumberDigits = 10;

const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}'@/ -]+/gu, ' ')
    .split(/[\s-]+/)
    .filter((word) => word !== '');

const isDigits = (word: string): boolean => /^\d+$/.test(word) || digitWords.has(word);
const isLetter = (word: string): boolean => /^\p{L}$/u.test(word);

/** The digits and letters at the end of the words. */
const dictatedTail = (words: readonly string[]): { groups: number; digits: number; letters: number } => {
  const from = words.findLastIndex((word) => !isDigits(word) && !isLetter(word)) + 1;
  const tail = words.slice(from);
  const digits = tail.filter(isDigits).reduce((sum, word) => sum + (/^\d+$/.test(word) ? word.length : 1), 0);
  return { groups: tail.length, digits, letters: tail.filter(isLetter).length };
};

const asksForDictation = (agentSaid: string): boolean =>
  /\b(number|digits?|spell(ing)?|code|zip|letters?|account|card|e-?mail)\b/i.test(agentSaid) &&
  agentSaid.trim().endsWith('?');

/**
 * Classifies the caller's turn so far.
 * @param said its transcript, with punctuation
 * @param agentSaid what the agent said last
 */
export const classifyTurn = (said: string, agentSaid: string): TurnState => {
  const words = wordsOf(said);
  const last = words.at(-1);
  if (last === undefined) return 'openMs';
  if (said.trim().endsWith('?')) return 'finishedMs';
  const { groups, digits, letters } = dictatedTail(words);
  if (digits >= fullNumberDigits) return 'closedMs';
  const isDictation = groups >= 2 || (groups === 1 && asksForDictation(agentSaid));
  if (isDictation && digits + letters > 0) return isPunctuated(said) ? 'dictatedMs' : 'dictationMs';
  if (hesitations.has(last) || /(\.\.\.|…|,|-)$/.test(said.trim())) return 'unfinishedMs';
  if (words.length <= 4 && words.every((word) => shortAnswers.has(word))) return 'finishedMs';
  if (continuing.has(last) || introductions.test(words.join(' '))) return 'unfinishedMs';
  if (!isPunctuated(said)) return 'openMs';
  return selfIntroductions.test(words.join(' ')) && !/\bname\b/i.test(agentSaid) ? 'introducedMs' : 'closedMs';
};

const isPunctuated = (said: string): boolean => /[.!?。！？।؟]["'”’)]*$/u.test(said.trim());

/**
 * Opens the turn detector. `follow` must be called with the session's tracker before the session starts.
 * @param vadSilenceMs how long the session's VAD waits before it reports the end of speech
 */
export const openEndOfTurn = (delays: EndpointingDelays, vadSilenceMs: number) => {
  let silentSince = 0;
  let hasPunctuation = false;
  const detector = createTurnDetector((said, agentSaid) => {
    const state = classifyTurn(said, agentSaid);
    hasPunctuation ||= isPunctuated(said);
    // If the STT never writes punctuation, a missing period means nothing.
    const delay = delays[state === 'openMs' && !hasPunctuation ? 'closedMs' : state];
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
