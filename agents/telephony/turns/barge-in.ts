/**
 * Makes barge-in immediate. When the caller cuts a speech off, the framework still waits for the next token, the next audio frame and the
 * end of the transcript: up to 4 s during which the caller gets no reply. Here each of these streams ends as soon as its speech is cut
 * off.
 */
import type { voice } from '@livekit/agents';
import { ReadableStream } from 'node:stream/web';
import { whenCutOff } from '#src/framework/speech.ts';
import type { SpeechTracker } from './speech-tracker.ts';

/** Returns the stream, ended as soon as the speech it belongs to is cut off. `onItem` is called with each item before it is passed on. */
type EndWhenCutOff = <T>(
  stream: ReadableStream<T> | null,
  onItem?: (item: T, speech: voice.SpeechHandle) => void,
) => ReadableStream<T> | null;

export const openBargeIn = (session: voice.AgentSession, tracker: SpeechTracker): EndWhenCutOff => {
  tracker.events.on('created', (speech) => {
    // Otherwise a paused speech would resume for a moment before it is cleared, which sounds like a click.
    whenCutOff(speech).then(() => {
      if (tracker.heard() === speech) session.output.audio?.clearBuffer();
    }, rethrow);
  });
  return (stream, onItem = () => {}) => {
    const speech = tracker.current();
    if (stream === null || speech === undefined) return stream;
    return endWith(stream, whenCutOff(speech), (item) => onItem(item, speech));
  };
};

/** The promise never rejects; if it did, that would show as an unhandled rejection. */
const rethrow = (error: unknown): never => {
  throw error;
};

/** Returns the stream, ended when `end` settles, even if its source is waiting. */
const endWith = <T>(source: ReadableStream<T>, end: Promise<void>, onItem: (item: T) => void): ReadableStream<T> => {
  const reader = source.getReader();
  return new ReadableStream<T>(
    {
      pull: async (controller) => {
        const next = await Promise.race([reader.read(), end]);
        if (next !== undefined && !next.done) {
          onItem(next.value);
          return controller.enqueue(next.value);
        }
        controller.close();
        if (next === undefined) await reader.cancel();
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
};
