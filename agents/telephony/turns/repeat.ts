/** Repeats the agent's last words, more slowly, if that is all the caller asks for. The LLM isn't involved. */
import type { llm, voice } from '@livekit/agents';
import { atRate } from '../tts/speaking-rate.ts';
import { classifyWords } from './phrases/classify-words.ts';
import { lastSentences } from './phrases/repeat-request.ts';
import type { SpeechTracker } from './speech-tracker.ts';

const slowerRate = 0.8;
const maxSentences = 2;

type Repeat = Readonly<{
  /** What to say instead of a reply of the LLM; null if the caller wants something else, or the agent's last speech was cut off. */
  wordsFor: (request: llm.ChatContext, history: llm.ChatContext) => string | null;
  /** Runs `synthesize` at the rate of the current speech: a repetition is slower. */
  atRate: <T>(synthesize: () => T) => T;
}>;

export const openRepeat = (tracker: SpeechTracker): Repeat => {
  const repetitions = new WeakSet<voice.SpeechHandle>();
  return {
    wordsFor: (request, history) => {
      // If a speech was just cut off, it isn't known yet how much of it was heard.
      const words = tracker.isCutOffPending() ? null : wordsToRepeat(request, history);
      const speech = tracker.current();
      if (words !== null && speech !== undefined) repetitions.add(speech);
      return words;
    },
    // The framework requests the audio of a reply only after its first word, so `wordsFor` has been called by then.
    atRate: (synthesize) => {
      const speech = tracker.current();
      return atRate(speech !== undefined && repetitions.has(speech) ? slowerRate : 1, synthesize);
    },
  };
};

const wordsToRepeat = (request: llm.ChatContext, history: llm.ChatContext): string | null => {
  const message = request.items.at(-1);
  if (message?.type !== 'message' || message.role !== 'user') return null;
  if (classifyWords(message.textContent ?? '') !== 'repeat_request') return null;
  const last = history.items.findLast((item) => item.type === 'message' && item.role === 'assistant');
  if (last?.type !== 'message' || last.interrupted) return null;
  const words = lastSentences(last.textContent ?? '', maxSentences);
  return words === '' ? null : words;
};
