/** Speech that was made before the call, read from the disk while the call is being picked up. */
import { readFile } from 'node:fs/promises';
import { ReadableStream } from 'node:stream/web';
import type { AudioFrame } from '@livekit/rtc-node';
import type { CallJob } from '#src/protocol/job.ts';
import { speechSampleRate } from '#src/protocol/speech-request.ts';
import { describeError } from '#src/errors.ts';
import { openFramer } from '../audio/frames.ts';
import { leadingSilenceOf } from '../audio/leading-silence.ts';

/** One playing of a sound: frames of 40 ms. */
export type Sound = ReadableStream<AudioFrame>;

export type CachedSpeech = {
  /** The samples of a text, 24,000 a second; null where it has none, or its file can't be read. */
  pcmOf: (text: string) => Promise<Buffer | null>;
  /** The same as frames. */
  soundOf: (text: string) => Promise<Sound | null>;
};

const frameMs = 40;

/** Begins to read. Each file that can't be read is told to `onTrouble`, once. */
export const openCachedSpeech = (files: CallJob['cachedSpeech'], onTrouble: (detail: string) => void): CachedSpeech => {
  const reading = new Map(Object.entries(files).map(([text, path]) => [keyOf(text), read(path, onTrouble)]));
  const pcmOf = async (text: string) => (await reading.get(keyOf(text))) ?? null;
  return {
    pcmOf,
    soundOf: async (text) => {
      const pcm = await pcmOf(text);
      return pcm === null ? null : ReadableStream.from(cut(pcm));
    },
  };
};

/** Two texts that sound alike have the same key. */
const keyOf = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replaceAll('’', "'")
    .replaceAll(/\b(i) am\b/g, "$1'm")
    .replaceAll(/\b(that|it|what|there) is\b/g, "$1's");

const read = async (path: string, onTrouble: (detail: string) => void): Promise<Buffer | null> => {
  try {
    const pcm = await readFile(path);
    if (pcm.length > 0 && pcm.length % 2 === 0) return pcm.subarray(leadingSilenceOf(pcm) ?? 0);
    onTrouble('prepared speech: the file is broken');
  } catch (error) {
    onTrouble(`prepared speech: ${describeError(error)}`);
  }
  return null;
};

const bytesAtOnce = speechSampleRate; // half a second

/** Cut as it is played. */
function* cut(pcm: Buffer): Generator<AudioFrame> {
  const framer = openFramer(speechSampleRate, frameMs);
  for (let at = 0; at < pcm.length; at += bytesAtOnce) yield* framer.push(pcm.subarray(at, at + bytesAtOnce));
  yield* framer.flush();
}
