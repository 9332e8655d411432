/** Says the agent's last words again, slower, when that is all the caller asks for. The model is not asked. */
import type { llm, voice } from '@livekit/agents';
import { atRate } from '../tts/speaking-rate.ts';
import { classifyWords } from './phrases/classify-words.ts';
import { lastSentences } from './phrases/repeat-request.ts';
import type { SpeechTracker } from './speech-tracker.ts';

const slower = 0.8;
const mostSentences = 2;

type Repeat = Readonly<{
  /** What to say instead of asking the model; null: the caller wants something else, or nothing was said to its end. */
  wordsFor: (asked: llm.ChatContext, said: llm.ChatContext) => string | null;
  /** Synthesizes at the rate of the current speech: a repetition is slower. */
  atRate: <T>(synthesize: () => T) => T;
}>;

export const openRepeat = (tracker: SpeechTracker): Repeat => {
  const repetitions = new WeakSet<voice.SpeechHandle>();
  return {
    wordsFor: (asked, said) => {
      // Of a sentence that was cut off it isn't known yet how much was heard.
      const words = tracker.isCutOffPending() ? null : wordsToRepeat(asked, said);
      const speech = tracker.current();
      if (words !== null && speech !== undefined) repetitions.add(speech);
      return words;
    },
    // The framework asks for the sound of a reply once it has the reply's first word.
    atRate: (synthesize) => {
      const speech = tracker.current();
      return atRate(speech !== undefined && repetitions.has(speech) ? slower : 1, synthesize);
    },
  };
};

const wordsToRepeat = (asked: llm.ChatContext, said: llm.ChatContext): string | null => {
  const request = asked.items.at(-1);
  if (request?.type !== 'message' || request.role !== 'user') return null;
  if (classifyWords(request.textContent ?? '') !== 'repeat_request') return null;
  const last = said.items.findLast((item) => item.type === 'message' && item.role === 'assistant');
  if (last?.type !== 'message' || last.interrupted) return null;
  const words = lastSentences(last.textContent ?? '', mostSentences);
  return words === '' ? null : words;
};
