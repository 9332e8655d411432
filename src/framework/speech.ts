/** What we need of a speech of the framework, and the framework has no call for. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { USERDATA_TTS_STARTED_TIME, type voice } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';

/**
 * Settles when a speech is cut off, and never otherwise.
 * Upstream: a promise or an event of the SpeechHandle for its interruption.
 */
export const whenCutOff = async (speech: voice.SpeechHandle): Promise<void> => {
  await speech.waitIfNotInterrupted([new Promise<never>(() => {})]);
};

/**
 * Changes whether a speech can be interrupted while it is being spoken.
 * Upstream: a documented way to change `allowInterruptions` after the speech was created.
 */
export const setInterruptible = (speech: voice.SpeechHandle, isInterruptible: boolean): void => {
  speech.allowInterruptions = isInterruptible;
};

export type SpeechContext = Readonly<{
  /** To be called in the handler of SpeechCreated: what the framework starts for the speech then runs in its context. */
  enter: (speech: voice.SpeechHandle) => void;
  /** The speech that the calling code works for. */
  current: () => voice.SpeechHandle | undefined;
}>;

/**
 * Tells a node of the agent which speech it works for. The framework emits SpeechCreated in the very call that starts the speech's
 * tasks, so that they inherit the context.
 * Upstream: the SpeechHandle as an argument of the nodes.
 */
export const openSpeechContext = (): SpeechContext => {
  const context = new AsyncLocalStorage<voice.SpeechHandle>();
  return { enter: (speech) => context.enterWith(speech), current: () => context.getStore() };
};

/**
 * When the text of a synthesized frame was sent to the voice, in ms of `performance.now()`; null on all but a reply's first frames.
 * Upstream: the time as a field of the metrics of a reply.
 */
export const ttsStartedAt = (frame: AudioFrame): number | null => {
  const startedAt = frame.userdata[USERDATA_TTS_STARTED_TIME];
  return typeof startedAt === 'number' ? startedAt * 1000 : null;
};
