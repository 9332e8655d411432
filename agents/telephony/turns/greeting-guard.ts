/**
 * A greeting that can't be interrupted at first, neither by noise on the line nor by a caller who says "Hello?". What they say meanwhile
 * is answered after the greeting, or together with what they go on to say.
 */
import { stt, type voice } from '@livekit/agents';
import { setInterruptible } from '#src/framework/speech.ts';
import { openRecognitionFilter, type Recognition } from './recognition.ts';
import type { SpeechTracker } from './speech-tracker.ts';

/**
 * Guards the first system message of a session, from its first sound on.
 * @param guardMs 0: nothing is guarded
 * @returns the filter of the session's recognition
 */
export const openGreetingGuard = (
  guardMs: number,
  { events }: Pick<SpeechTracker, 'events'>,
): ((events: Recognition) => Recognition) => {
  const gate = openGate();
  if (guardMs === 0) return gate.filter;
  let isFirst = true;
  let greeting: voice.SpeechHandle | null = null;
  events.on('created', (speech, source) => {
    if (source !== 'say' || !isFirst) return;
    isFirst = false;
    // An announcement can't be interrupted at all.
    if (!speech.allowInterruptions) return;
    greeting = speech;
    setInterruptible(speech, false);
    gate.shut();
    speech.addDoneCallback(gate.open);
  });
  events.on('agent', (state) => {
    if (state !== 'speaking' || greeting === null) return;
    const speech = greeting;
    greeting = null;
    setTimeout(() => {
      setInterruptible(speech, true);
      gate.yield();
    }, guardMs).unref();
  });
  return gate.filter;
};

/** Holds transcripts back while it is shut; of those, the final ones go on when it opens. */
const openGate = () => {
  let state: 'open' | 'yielding' | 'shut' = 'open';
  const waiting: stt.SpeechEvent[] = [];
  const open = () => {
    state = 'open';
    for (const event of waiting.splice(0)) put(event);
  };
  const { filter, put } = openRecognitionFilter((event) => {
    if (state === 'yielding') open();
    if (state === 'open') return true;
    if (event.type === stt.SpeechEventType.FINAL_TRANSCRIPT) waiting.push(event);
    return false;
  });
  return {
    shut: () => {
      state = 'shut';
    },
    /** The next words open it. */
    yield: () => {
      if (state === 'shut') state = 'yielding';
    },
    open,
    filter,
  };
};
