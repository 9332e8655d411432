/**
 * A greeting that can't be interrupted at first: neither by noise on the line nor by a caller who says "Hello?". What they say
 * meanwhile is held back, and answered when the greeting is over, or with what they go on to say.
 */
import { stt, voice } from '@livekit/agents';
import { TransformStream, type ReadableStream } from 'node:stream/web';
import { hasWords } from './backchannel.ts';

type Recognition = ReadableStream<stt.SpeechEvent | string>;

export type Protection = Readonly<{
  /** To be called before the session starts. */
  watch: (session: voice.AgentSession) => void;
  filter: (events: Recognition) => Recognition;
}>;

/** Protects the first sentence that a session says without its model, from its first sound on. */
export const openProtection = (protectedMs: number): Protection => {
  const gate = openGate();
  let isFirst = true;
  let greeting: voice.SpeechHandle | null = null;
  const onSpeech = ({ source, speechHandle }: voice.SpeechCreatedEvent) => {
    if (source !== 'say' || !isFirst) return;
    isFirst = false;
    // An announcement can't be interrupted at all.
    if (!speechHandle.allowInterruptions) return;
    greeting = speechHandle;
    greeting.allowInterruptions = false;
    gate.shut();
    greeting.addDoneCallback(gate.open);
  };
  const onState = ({ newState }: voice.AgentStateChangedEvent) => {
    if (newState !== 'speaking' || greeting === null) return;
    const speech = greeting;
    greeting = null;
    setTimeout(() => {
      speech.allowInterruptions = true;
      gate.yield();
    }, protectedMs).unref();
  };
  return {
    watch: (session) => {
      if (protectedMs === 0) return;
      session.on(voice.AgentSessionEventTypes.SpeechCreated, onSpeech);
      session.on(voice.AgentSessionEventTypes.AgentStateChanged, onState);
    },
    filter: gate.filter,
  };
};

/** Keeps what was understood back while it is shut. */
const openGate = () => {
  let state: 'open' | 'yielding' | 'shut' = 'open';
  const held: stt.SpeechEvent[] = [];
  let put: (event: stt.SpeechEvent) => void = () => {};
  const open = () => {
    state = 'open';
    for (const event of held.splice(0)) put(event);
  };
  const filter = new TransformStream<stt.SpeechEvent | string, stt.SpeechEvent | string>({
    start: (controller) => {
      put = (event) => controller.enqueue(event);
    },
    transform: (event, controller) => {
      if (typeof event === 'string' || !hasWords(event)) return controller.enqueue(event);
      if (state === 'yielding') open();
      if (state === 'open') controller.enqueue(event);
      else if (event.type === stt.SpeechEventType.FINAL_TRANSCRIPT) held.push(event);
    },
    flush: () => {
      put = () => {};
    },
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
    filter: (events: Recognition): Recognition => events.pipeThrough(filter),
  };
};
