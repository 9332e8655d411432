/**
 * Tracks who is speaking. It is the only listener for the session's events about that; all other parts use its events and state.
 *
 * Glossary
 *   speech    something the agent says: a reply of the LLM or a system message
 *   heard     the caller hears the speech, or heard it before it was paused
 *   cut off   ended early because the caller spoke over it
 */
import { EventEmitter } from 'node:events';
import { voice } from '@livekit/agents';
import { openSpeechContext, type SpeechContext } from '#src/framework/speech.ts';
import { classifyWords, type WordsKind } from './phrases/classify-words.ts';

/** Recognized words of the caller. `at`: epoch ms. */
type CallerWords = Readonly<{ text: string; isFinal: boolean; at: number; kind: WordsKind }>;

type TrackerEvents = {
  /** A speech has been created; it isn't heard yet. */
  created: [speech: voice.SpeechHandle, source: voice.SpeechCreatedEvent['source']];
  /** A speech is over. */
  done: [speech: voice.SpeechHandle, wasHeard: boolean];
  agent: [state: voice.AgentState];
  /** The caller starts or stops speaking. */
  caller: [isSpeaking: boolean];
  words: [words: CallerWords];
};

export type SpeechTracker = Readonly<{
  events: EventEmitter<TrackerEvents>;
  /** The speech created last, heard or not. */
  latest: () => voice.SpeechHandle | null;
  /** The speech being heard; null if there is none. */
  heard: () => voice.SpeechHandle | null;
  /** Whether the agent is heard; false as soon as the caller cuts it off. */
  isHeard: () => boolean;
  /** Whether a speech has been cut off and it isn't known yet how much of it was heard. */
  isCutOffPending: () => boolean;
  /** The speech that the calling node of the agent works on. */
  current: () => voice.SpeechHandle | undefined;
  agentState: () => voice.AgentState;
  /** Whether any words of the caller have been recognized. */
  hasCallerSpoken: () => boolean;
  [Symbol.dispose]: () => void;
}>;

type State = {
  latest: voice.SpeechHandle | null;
  heard: voice.SpeechHandle | null;
  hasCallerSpoken: boolean;
  /** The speeches that aren't over. */
  open: Set<voice.SpeechHandle>;
  wasHeard: WeakSet<voice.SpeechHandle>;
};

/** Opens the tracker of a session. To be called before the session starts. */
export const openSpeechTracker = (session: voice.AgentSession): SpeechTracker => {
  const events = new EventEmitter<TrackerEvents>();
  const context = openSpeechContext();
  const state: State = {
    latest: null,
    heard: null,
    hasCallerSpoken: false,
    open: new Set(),
    wasHeard: new WeakSet(),
  };
  const stop = subscribe(session, handlersOf(state, events, context));
  return {
    events,
    latest: () => state.latest,
    heard: () => state.heard,
    isHeard: () => state.heard !== null && !state.heard.interrupted,
    isCutOffPending: () => [...state.open].some((speech) => speech.scheduled && speech.interrupted),
    current: context.current,
    agentState: () => session.agentState,
    hasCallerSpoken: () => state.hasCallerSpoken,
    [Symbol.dispose]: () => {
      stop();
      events.removeAllListeners();
    },
  };
};

const handlersOf = (state: State, events: EventEmitter<TrackerEvents>, context: SpeechContext): Handlers => {
  const onDone = (speech: voice.SpeechHandle): void => {
    state.open.delete(speech);
    if (state.heard === speech) state.heard = null;
    events.emit('done', speech, state.wasHeard.has(speech));
  };
  return {
    onSpeech: ({ speechHandle, source }) => {
      context.enter(speechHandle);
      state.latest = speechHandle;
      state.open.add(speechHandle);
      events.emit('created', speechHandle, source);
      speechHandle.addDoneCallback(onDone);
    },
    onAgent: ({ newState }) => {
      if (newState === 'speaking' && state.latest !== null && !state.latest.done()) {
        state.heard = state.latest;
        state.wasHeard.add(state.latest);
      }
      events.emit('agent', newState);
    },
    onCaller: ({ newState }) => events.emit('caller', newState === 'speaking'),
    onWords: ({ transcript, isFinal, createdAt }) => {
      const text = transcript.trim();
      if (text === '') return;
      state.hasCallerSpoken = true;
      events.emit('words', { text, isFinal, at: createdAt, kind: classifyWords(text) });
    },
  };
};

type Handlers = Readonly<{
  onSpeech: (event: voice.SpeechCreatedEvent) => void;
  onAgent: (event: voice.AgentStateChangedEvent) => void;
  onCaller: (event: voice.UserStateChangedEvent) => void;
  onWords: (event: voice.UserInputTranscribedEvent) => void;
}>;

/** Returns the function that unsubscribes. */
const subscribe = (session: voice.AgentSession, { onSpeech, onAgent, onCaller, onWords }: Handlers): (() => void) => {
  const { SpeechCreated, AgentStateChanged, UserStateChanged, UserInputTranscribed } = voice.AgentSessionEventTypes;
  session.on(SpeechCreated, onSpeech).on(AgentStateChanged, onAgent);
  session.on(UserStateChanged, onCaller).on(UserInputTranscribed, onWords);
  return () => {
    session.off(SpeechCreated, onSpeech).off(AgentStateChanged, onAgent);
    session.off(UserStateChanged, onCaller).off(UserInputTranscribed, onWords);
  };
};
