/**
 * Keeps the greeting from being interrupted at first, be it by noise on the line or by a caller who says "Hello?". What they say meanwhile
 * is answered after the greeting, or together with what they say next.
 */
import { stt, type voice } from '@livekit/agents';
import { setInterruptible } from '#src/framework/speech.ts';
import { openRecognitionFilter, type Recognition } from './recognition.ts';
import type { SpeechTracker } from './speech-tracker.ts';

/**
 * Guards the first system message of a session.
 * @param guardMs how long, from its first sound; 0: not at all
 * @returns the filter of the session's recognition stream
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

/** A gate for transcripts. While it is shut, interim ones are dropped, and final ones wait until it opens. */
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
    /** Opens the gate with the next transcript. */
    yield: () => {
      if (state === 'shut') state = 'yielding';
    },
    open,
    filter,
  };
};
