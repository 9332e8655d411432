/**
 * Stops at once when the caller speaks over the agent. The framework, when a speech is cut off, waits for the next token, the next sound
 * and the end of the transcript before it lets go: up to 4 s in which the caller gets no answer to what they went on to say. Here each
 * of these streams ends as soon as its speech is cut off.
 */
import type { voice } from '@livekit/agents';
import { ReadableStream } from 'node:stream/web';
import { whenCutOff } from '#src/framework/speech.ts';
import type { SpeechTracker } from './speech-tracker.ts';

/** The same stream, which ends when the speech that it is made for is cut off. `onItem` gets each item first. */
type EndWhenCutOff = <T>(
  stream: ReadableStream<T> | null,
  onItem?: (item: T, speech: voice.SpeechHandle) => void,
) => ReadableStream<T> | null;

export const openBargeIn = (session: voice.AgentSession, tracker: SpeechTracker): EndWhenCutOff => {
  tracker.events.on('created', (speech) => {
    // A paused speech that is cut off would first be resumed, and cleared a moment later: a click as the agent falls silent.
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

/** Nothing rejects here; if something did, it would show as an unhandled rejection. */
const rethrow = (error: unknown): never => {
  throw error;
};

/** The same stream, which ends when `end` settles, whatever its source does. */
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
