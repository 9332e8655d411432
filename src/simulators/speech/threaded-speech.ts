/** `speech.ts` in a worker thread, for threads that must not block. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Clip, SpeechOptions } from './speech.ts';

export type SpeechRequest = { id: number; text: string; options: SpeechOptions };
export type SpeechResponse = { id: number; clip: Clip };

export type ThreadedSpeech = AsyncDisposable & {
  /** Like `synthesizeClip`. */
  synthesize(text: string, options?: SpeechOptions): Promise<Clip>;
};

/**
 * Starts the thread and warms it up.
 * @throws if the development dependencies are not installed
 */
export const startThreadedSpeech = async (): Promise<ThreadedSpeech> => {
  const worker = new Worker(new URL('./speech-thread.ts', import.meta.url), { name: 'speech' });
  const pending = new Map<number, (clip: Clip) => void>();
  let lastId = 0;
  // An error in the thread rejects here; later, with no listener, it ends the process: simulators don't fail silently.
  await once(worker, 'message');
  worker.on('message', ({ id, clip }: SpeechResponse) => {
    pending.get(id)?.(clip);
    pending.delete(id);
  });
  const synthesize = (text: string, options: SpeechOptions = {}): Promise<Clip> => {
    const { promise, resolve } = Promise.withResolvers<Clip>();
    lastId += 1;
    pending.set(lastId, resolve);
    worker.postMessage({ id: lastId, text, options } satisfies SpeechRequest);
    return promise;
  };
  await synthesize('Hello, how can I help you today?');
  return { synthesize, [Symbol.asyncDispose]: async () => void (await worker.terminate()) };
};
