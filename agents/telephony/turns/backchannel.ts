/**
 * Keeps the agent talking through an "uh-huh". While the agent speaks, backchannels don't reach the framework, which would take them for
 * a turn and stop the agent. Just before the agent finishes a question, they count as an answer.
 */
import { stt, type voice } from '@livekit/agents';
import { classifyWords } from './phrases/classify-words.ts';
import { openRecognitionFilter, type Recognition } from './recognition.ts';
import type { SpeechTracker } from './speech-tracker.ts';

/** A backchannel within this time before the end of a question counts as an answer. */
const answersWithinMs = 1_500;

/** Opens the filter of a session's recognition stream. */
export const openBackchannelFilter = (tracker: SpeechTracker): ((events: Recognition) => Recognition) => {
  let last: Readonly<{ event: stt.SpeechEvent; at: number }> | null = null;
  const { filter, put } = openRecognitionFilter((event) => {
    if (!tracker.isHeard() || classifyWords(event.alternatives?.[0].text ?? '') !== 'backchannel') return true;
    if (event.type === stt.SpeechEventType.FINAL_TRANSCRIPT) last = { event, at: Date.now() };
    return false;
  });
  tracker.events.on('done', (speech, wasHeard) => {
    if (!wasHeard) return;
    const isRecent = last !== null && Date.now() - last.at <= answersWithinMs;
    if (last !== null && isRecent && !speech.interrupted && endsWithQuestion(speech)) put(last.event);
    last = null;
  });
  return filter;
};

const endsWithQuestion = (speech: voice.SpeechHandle): boolean => {
  const message = speech.chatItems.findLast((item) => item.type === 'message');
  return (message?.textContent ?? '').trim().endsWith('?');
};
