/** When the model and the voice were asked for what is heard: of all attempts at an answer, the one that was spoken. */
import { USERDATA_TTS_STARTED_TIME, voice, type llm } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';

/** Epoch ms. After a tool they are those of its answer. */
export type Asked = Readonly<{ modelAt: number; voiceAt: number | null }>;

const bySpeech = new WeakMap<voice.SpeechHandle, Asked>();

/** To be called when the model is asked: at first, and again after each tool. */
export const noteModelAsked = (speech: voice.SpeechHandle): void => {
  bySpeech.set(speech, { modelAt: Date.now(), voiceAt: null });
};

/** To be called with the speech's sound as it comes: its first frame knows when its words went to the voice. */
export const noteSound = (speech: voice.SpeechHandle, frame: AudioFrame): void => {
  const asked = bySpeech.get(speech);
  if (asked === undefined || asked.voiceAt !== null) return;
  const startedAt = frame.userdata[USERDATA_TTS_STARTED_TIME];
  if (typeof startedAt !== 'number') return;
  bySpeech.set(speech, { ...asked, voiceAt: Date.now() - (performance.now() - startedAt * 1000) });
};

/** `discarded`: answers begun since the one before, and thrown away: the caller went on speaking. */
export type AskedFor = Asked & Readonly<{ discarded: number }>;

/** Listens to a session's speeches; tells of a message that was just spoken when it was asked for. */
export const listenForAsked = (
  session: voice.AgentSession,
): Disposable & { of: (message: llm.ChatMessage) => AskedFor | null } => {
  let speeches: voice.SpeechHandle[] = [];
  const onSpeech = ({ speechHandle }: voice.SpeechCreatedEvent) => {
    speeches.push(speechHandle);
  };
  session.on(voice.AgentSessionEventTypes.SpeechCreated, onSpeech);
  return {
    of: (message) => {
      const at = speeches.findIndex(({ chatItems }) => chatItems.includes(message));
      const speech = speeches[at];
      const asked = speech && bySpeech.get(speech);
      if (asked === undefined) return null;
      const before = speeches.slice(0, at);
      speeches = speeches.slice(at);
      return {
        ...asked,
        discarded: before.filter((other) => bySpeech.has(other) && other.chatItems.length === 0).length,
      };
    },
    [Symbol.dispose]: () => void session.off(voice.AgentSessionEventTypes.SpeechCreated, onSpeech),
  };
};
