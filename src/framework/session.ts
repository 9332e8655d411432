/** Changes to the framework's session. */
import type { llm, tts, voice } from '@livekit/agents';

type SessionError = Extract<NonNullable<voice.ErrorEvent['error']>, { recoverable: boolean }>;

/**
 * Keeps the session open after an STT error. The framework closes it after a single unrecoverable one, before anything could be said. To
 * be called in the handler of the session's error event.
 * Upstream: `maxUnrecoverableErrors` for the STT, too.
 */
export const keepSessionOpen = (error: SessionError): void => {
  Object.assign(error, { recoverable: true });
};

/**
 * Replaces the text of a message in the LLM's history. The framework keeps the whole text of a `say` that was cut off.
 * Upstream: only the part that was heard, as with replies.
 */
export const replaceText = (message: llm.ChatMessage, text: string): void => {
  message.content = [text];
};

/**
 * Reports a failure of a one-shot synthesis. Thrown there, the error would become an unhandled rejection in the framework.
 * Upstream: ChunkedStream should report what its `run` throws.
 */
export const reportTtsError = (source: tts.TTS, error: Error): void => {
  source.emit('error', { type: 'tts_error', timestamp: Date.now(), label: source.label, error, recoverable: false });
};
