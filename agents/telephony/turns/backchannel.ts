/**
 * Keeps the agent talking through an "uh-huh". Said while the agent speaks, it doesn't reach the framework, which would take it for a
 * turn and stop the agent. Said right before the end of a question, it is the answer to it.
 */
import { stt, type voice } from '@livekit/agents';
import { classifyWords } from './phrases/classify-words.ts';
import { openRecognitionFilter, type Recognition } from './recognition.ts';
import type { SpeechTracker } from './speech-tracker.ts';

/** A backchannel this shortly before the agent has finished a question answers it. */
const answersWithinMs = 1_500;

/** Opens the filter of one session's recognition. */
export const openBackchannelFilter = (tracker: SpeechTracker): ((events: Recognition) => Recognition) => {
  let kept: Readonly<{ event: stt.SpeechEvent; at: number }> | null = null;
  const { filter, put } = openRecognitionFilter((event) => {
    if (!tracker.isHeard() || classifyWords(event.alternatives?.[0].text ?? '') !== 'backchannel') return true;
    if (event.type === stt.SpeechEventType.FINAL_TRANSCRIPT) kept = { event, at: Date.now() };
    return false;
  });
  tracker.events.on('done', (speech, wasHeard) => {
    if (!wasHeard) return;
    const isRecent = kept !== null && Date.now() - kept.at <= answersWithinMs;
    if (kept !== null && isRecent && !speech.interrupted && endsWithQuestion(speech)) put(kept.event);
    kept = null;
  });
  return filter;
};

const endsWithQuestion = (speech: voice.SpeechHandle): boolean => {
  const said = speech.chatItems.findLast((item) => item.type === 'message');
  return (said?.textContent ?? '').trim().endsWith('?');
};
