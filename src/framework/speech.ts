/** What the framework's SpeechHandle lacks. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { USERDATA_TTS_STARTED_TIME, type voice } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';

/**
 * Resolves when a speech is cut off, and stays pending otherwise.
 * Upstream: a promise or an event of the SpeechHandle for its interruption.
 */
export const whenCutOff = async (speech: voice.SpeechHandle): Promise<void> => {
  await speech.waitIfNotInterrupted([new Promise<never>(() => {})]);
};

/**
 * Changes whether a speech that is being spoken can be interrupted.
 * Upstream: a documented way to change `allowInterruptions` after the speech was created.
 */
export const setInterruptible = (speech: voice.SpeechHandle, isInterruptible: boolean): void => {
  speech.allowInterruptions = isInterruptible;
};

export type SpeechContext = Readonly<{
  /** To be called in the handler of SpeechCreated: the tasks that the framework then starts for the speech run in its context. */
  enter: (speech: voice.SpeechHandle) => void;
  /** The speech that the calling code works on. */
  current: () => voice.SpeechHandle | undefined;
}>;

/**
 * Lets a node of the agent know which speech it works on. The framework emits SpeechCreated in the same synchronous call that starts the
 * speech's tasks, so they inherit the context.
 * Upstream: the SpeechHandle as an argument of the nodes.
 */
export const openSpeechContext = (): SpeechContext => {
  const context = new AsyncLocalStorage<voice.SpeechHandle>();
  return { enter: (speech) => context.enterWith(speech), current: () => context.getStore() };
};

/**
 * When the text of a frame was sent to the TTS, in ms on the clock of `performance.now()`; null if the framework didn't note it.
 * Upstream: this time in the metrics of a reply.
 */
export const ttsStartedAt = (frame: AudioFrame): number | null => {
  const startedAt = frame.userdata[USERDATA_TTS_STARTED_TIME];
  return typeof startedAt === 'number' ? startedAt * 1000 : null;
};
