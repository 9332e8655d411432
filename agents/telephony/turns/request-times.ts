/** When the model and the voice were asked for what is heard: of all attempts at an answer, the one that was spoken. */
import type { llm, voice } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import { ttsStartedAt } from '#src/framework/speech.ts';
import type { SpeechTracker } from './speech-tracker.ts';

/** Epoch ms; of an answer after a tool call, its own. `voiceAt` null: the voice was not asked. */
type Times = Readonly<{ modelAt: number; voiceAt: number | null }>;

/** `discarded`: answers begun since the previous one and thrown away because the caller went on speaking. */
export type ReplyTimes = Times & Readonly<{ discarded: number }>;

export type RequestTimes = Readonly<{
  /** The model is asked for a speech: at first, and again after each tool call. */
  modelAsked: (speech: voice.SpeechHandle) => void;
  /** The speech's sound comes in. */
  soundMade: (speech: voice.SpeechHandle, frame: AudioFrame) => void;
  /** Of a message that was just spoken; null when it is none of the model's. */
  of: (message: llm.ChatMessage) => ReplyTimes | null;
}>;

export const openRequestTimes = ({ events }: Pick<SpeechTracker, 'events'>): RequestTimes => {
  const times = new WeakMap<voice.SpeechHandle, Times>();
  let speeches: voice.SpeechHandle[] = [];
  events.on('created', (speech) => void speeches.push(speech));
  return {
    modelAsked: (speech) => {
      times.set(speech, { modelAt: Date.now(), voiceAt: null });
    },
    soundMade: (speech, frame) => {
      const known = times.get(speech);
      if (known === undefined || known.voiceAt !== null) return;
      const startedAt = ttsStartedAt(frame);
      if (startedAt !== null) times.set(speech, { ...known, voiceAt: Date.now() - (performance.now() - startedAt) });
    },
    of: (message) => {
      const at = speeches.findIndex(({ chatItems }) => chatItems.includes(message));
      const speech = speeches[at];
      const known = speech && times.get(speech);
      if (known === undefined) return null;
      const before = speeches.slice(0, at);
      speeches = speeches.slice(at);
      const isDiscarded = (other: voice.SpeechHandle) => times.has(other) && other.chatItems.length === 0;
      return { ...known, discarded: before.filter(isDiscarded).length };
    },
  };
};
