/** When the LLM and the TTS were requested for a reply. Of several attempts at one, the spoken one counts. */
import type { llm, voice } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import { ttsStartedAt } from '#src/framework/speech.ts';
import type { SpeechTracker } from './speech-tracker.ts';

/** In epoch ms; after a tool call, of the latest request. `ttsAt` is null if nothing was synthesized. */
type Times = Readonly<{ llmAt: number; ttsAt: number | null }>;

/** `discarded`: how many replies since the previous spoken one were begun but dropped, because the caller went on speaking. */
export type ReplyTimes = Times & Readonly<{ discarded: number }>;

export type RequestTimes = Readonly<{
  /** To be called when the LLM is requested for a speech, and again after each tool call. */
  llmRequested: (speech: voice.SpeechHandle) => void;
  /** To be called with each audio frame of a speech. */
  audioReceived: (speech: voice.SpeechHandle, frame: AudioFrame) => void;
  /** The times of a message that has just been spoken; null if the LLM didn't write it. */
  of: (message: llm.ChatMessage) => ReplyTimes | null;
}>;

export const openRequestTimes = ({ events }: Pick<SpeechTracker, 'events'>): RequestTimes => {
  const times = new WeakMap<voice.SpeechHandle, Times>();
  let speeches: voice.SpeechHandle[] = [];
  events.on('created', (speech) => void speeches.push(speech));
  return {
    llmRequested: (speech) => {
      times.set(speech, { llmAt: Date.now(), ttsAt: null });
    },
    audioReceived: (speech, frame) => {
      const known = times.get(speech);
      if (known === undefined || known.ttsAt !== null) return;
      const startedAt = ttsStartedAt(frame);
      if (startedAt !== null) times.set(speech, { ...known, ttsAt: Date.now() - (performance.now() - startedAt) });
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
