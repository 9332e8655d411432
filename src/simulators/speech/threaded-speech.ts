/** The speech of `speech.ts` in a thread of its own, for a thread that must not wait. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Clip, SpeechOptions } from './speech.ts';

export type SpeechRequest = { id: number; text: string; options: SpeechOptions };
export type SpeechReply = { id: number; clip: Clip };

export type ThreadedSpeech = AsyncDisposable & {
  /** As `synthesizeClip`. */
  synthesize(text: string, options?: SpeechOptions): Promise<Clip>;
};

/**
 * Starts the thread and warms it up.
 * @throws when the development dependencies are not installed
 */
export const startThreadedSpeech = async (): Promise<ThreadedSpeech> => {
  const worker = new Worker(new URL('./speech-thread.ts', import.meta.url), { name: 'speech' });
  const waiting = new Map<number, (clip: Clip) => void>();
  let lastId = 0;
  // An error of the thread rejects here; later, with nobody listening, it ends the process: simulators don't fail silently.
  await once(worker, 'message');
  worker.on('message', ({ id, clip }: SpeechReply) => {
    waiting.get(id)?.(clip);
    waiting.delete(id);
  });
  const clip = async (text: string, options: SpeechOptions = {}): Promise<Clip> => {
    const made = Promise.withResolvers<Clip>();
    lastId += 1;
    waiting.set(lastId, made.resolve);
    worker.postMessage({ id: lastId, text, options } satisfies SpeechRequest);
    return made.promise;
  };
  await clip('Hello, how can I help you today?');
  return { synthesize: clip, [Symbol.asyncDispose]: async () => void (await worker.terminate()) };
};
