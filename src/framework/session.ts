/** What we change of the framework's session. */
import type { llm, tts, voice } from '@livekit/agents';

type SessionError = Extract<NonNullable<voice.ErrorEvent['error']>, { recoverable: boolean }>;

/**
 * Keeps the session open after an error of the transcription, of which a single unrecoverable one closes it on the spot, before a word
 * could be said. To be called in the handler of the error.
 * Upstream: `maxUnrecoverableErrors` for the transcription too.
 */
export const keepSessionOpen = (error: SessionError): void => {
  Object.assign(error, { recoverable: true });
};

/**
 * Replaces the text of a message in the model's history. Of a sentence that was cut off the framework keeps the whole text.
 * Upstream: the heard part of an interrupted `say`, as there is for replies.
 */
export const replaceText = (message: llm.ChatMessage, text: string): void => {
  message.content = [text];
};

/**
 * Reports a failed synthesis outside a stream. Thrown there, the error would become an unhandled rejection of the framework.
 * Upstream: ChunkedStream should report what its `run` throws.
 */
export const reportTtsError = (voiceOf: tts.TTS, error: Error): void => {
  voiceOf.emit('error', { type: 'tts_error', timestamp: Date.now(), label: voiceOf.label, error, recoverable: false });
};
