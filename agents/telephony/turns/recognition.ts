/** The stream of what the transcription understands, on its way to the session. */
import { stt } from '@livekit/agents';
import { TransformStream, type ReadableStream } from 'node:stream/web';

export type Recognition = ReadableStream<stt.SpeechEvent | string>;

/** Whether an event is a transcript. */
const hasWords = ({ type }: stt.SpeechEvent): boolean =>
  type === stt.SpeechEventType.FINAL_TRANSCRIPT ||
  type === stt.SpeechEventType.INTERIM_TRANSCRIPT ||
  type === stt.SpeechEventType.PREFLIGHT_TRANSCRIPT;

type RecognitionFilter = Readonly<{
  /** The same stream, filtered. For one stream. */
  filter: (events: Recognition) => Recognition;
  /** Puts an event that was held back into the stream. Does nothing when the stream is over. */
  put: (event: stt.SpeechEvent) => void;
}>;

/** Opens a filter. @param pass whether a transcript goes on now; others are dropped, unless `pass` keeps them for `put` */
export const openRecognitionFilter = (pass: (event: stt.SpeechEvent) => boolean): RecognitionFilter => {
  let put: (event: stt.SpeechEvent) => void = () => {};
  const transform = new TransformStream<stt.SpeechEvent | string, stt.SpeechEvent | string>({
    start: (controller) => {
      put = (event) => controller.enqueue(event);
    },
    transform: (event, controller) => {
      if (typeof event === 'string' || !hasWords(event) || pass(event)) controller.enqueue(event);
    },
    flush: () => {
      put = () => {};
    },
  });
  return { filter: (events) => events.pipeThrough(transform), put: (event) => put(event) };
};
