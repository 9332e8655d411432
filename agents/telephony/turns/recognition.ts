/** The stream of recognition events from the STT to the session. */
import { stt } from '@livekit/agents';
import { TransformStream, type ReadableStream } from 'node:stream/web';

export type Recognition = ReadableStream<stt.SpeechEvent | string>;

/** Whether an event is a transcript. */
const hasWords = ({ type }: stt.SpeechEvent): boolean =>
  type === stt.SpeechEventType.FINAL_TRANSCRIPT ||
  type === stt.SpeechEventType.INTERIM_TRANSCRIPT ||
  type === stt.SpeechEventType.PREFLIGHT_TRANSCRIPT;

type RecognitionFilter = Readonly<{
  /** Filters a stream. Can be used only once. */
  filter: (events: Recognition) => Recognition;
  /** Inserts an event into the filtered stream. Does nothing once the stream is over. */
  put: (event: stt.SpeechEvent) => void;
}>;

/** @param pass whether to pass a transcript on; otherwise it is dropped, unless `pass` keeps it for `put` */
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
