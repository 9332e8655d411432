/** Requests to repeat, such as "Sorry?". English only. */
import { openSentenceSplitter } from '../../tts/sentence-splitter.ts';

const fillers = /^(?:(?:uh|um|uhm|er|erm|oh|ah|hm|hey|please)(?: |$))+/;
/** These may precede a request. As a question, they are one themselves. */
const apologies = /^(?:(?:(?:i'm|i am|so) )?sorry|excuse me|pardon me)$/;
const openings = /^(?:(?:(?:i'm |i am |so )?sorry|excuse me|(?:i )?beg your pardon|pardon(?: me)?|please) )+/;
const endings = /(?: (?:please|for me|sorry|thanks|thank you))+$/;

const that = '(?:that|it|this|yourself|what you(?: just)? said|the last (?:part|bit|sentence))';
const manner = '(?: (?:again|once more|one more time|a bit|a little|more|slowly|slower|louder))';
const couldYou = '(?:(?:can|could|would|will) you )?(?:(?:please|just) )*';
const missed = '(?:catch|hear|get|(?:quite|really) (?:catch|hear|get)) (?:that|you|what you(?: just)? said)';
const requests = [
  /^(?:(?:i )?beg your pardon|pardon|what|huh|come again|say again|once (?:more|again)|one more time)$/,
  /^(?:what was that|what did you(?: just)? say|you said what)(?: again)?$/,
  new RegExp(`^${couldYou}(?:repeat(?: ${that})?${manner}*|say ${that}${manner}+)$`),
  new RegExp(`^i (?:did not|didn't|do not|don't|could not|couldn't|cannot|can't) ${missed}(?: (?:very |so )?well)?$`),
];

const plain = (words: string): string =>
  words
    .toLowerCase()
    .replace(/’/g, "'")
    .replace(/[^\p{L}' ]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();

const isRequest = (part: string): boolean => {
  const core = part.replace(openings, '').replace(endings, '');
  return requests.some((request) => request.test(core));
};

/** Whether the words are nothing but a request to repeat what was said last. */
export const asksToRepeat = (words: string): boolean => {
  const parts = words.split(/[.,;:!?…]+/).map((part) => plain(part).replace(fillers, ''));
  const said = parts.filter((part) => part !== '');
  const isApology = (part: string) => apologies.test(part);
  if (!said.every((part) => isRequest(part) || isApology(part))) return false;
  return said.some(isRequest) || (said.length > 0 && words.trim().endsWith('?'));
};

/** The last `count` sentences of a text. */
export const lastSentences = (text: string, count: number): string => {
  const splitter = openSentenceSplitter();
  const pieces = [...splitter.push(text), ...splitter.flush()];
  const sentences = pieces.reduce<string[]>((found, piece) => {
    const open = found.at(-1);
    if (open === undefined || endsSentence(open)) return [...found, piece];
    return [...found.slice(0, -1), open + piece];
  }, []);
  return sentences.slice(-count).join('').trim();
};

const endsSentence = (text: string): boolean => /[.!?…。！？।؟]["'”’»)\]}]*\s*$/u.test(text);
