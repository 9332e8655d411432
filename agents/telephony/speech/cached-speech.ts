/** Speech that was synthesized before the call, read from disk while the call is being picked up. */
import { readFile } from 'node:fs/promises';
import { ReadableStream } from 'node:stream/web';
import type { AudioFrame } from '@livekit/rtc-node';
import type { CallJob } from '#src/protocol/job.ts';
import { speechSampleRate } from '#src/protocol/speech-request.ts';
import { describeError } from '#src/errors.ts';
import { openFramer } from '../audio/frames.ts';
import { leadingSilenceOf } from '../audio/leading-silence.ts';

/** Audio to be played once, in frames of 40 ms. */
export type FrameStream = ReadableStream<AudioFrame>;

export type CachedSpeech = {
  /** The 16-bit mono samples of a text at 24 kHz; null if it isn't cached or its file can't be read. */
  pcmOf: (text: string) => Promise<Buffer | null>;
  /** The same as frames. */
  framesOf: (text: string) => Promise<FrameStream | null>;
};

const frameMs = 40;

/** Starts to read the files. `onFailure` is called once for each file that can't be read. */
export const openCachedSpeech = (files: CallJob['cachedSpeech'], onFailure: (detail: string) => void): CachedSpeech => {
  const reading = new Map(Object.entries(files).map(([text, path]) => [keyOf(text), read(path, onFailure)]));
  const pcmOf = async (text: string) => (await reading.get(keyOf(text))) ?? null;
  return {
    pcmOf,
    framesOf: async (text) => {
      const pcm = await pcmOf(text);
      return pcm === null ? null : ReadableStream.from(cut(pcm));
    },
  };
};

/** Texts that sound the same have the same key. */
const keyOf = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replaceAll('’', "'")
    .replaceAll(/\b(i) am\b/g, "$1'm")
    .replaceAll(/\b(that|it|what|there) is\b/g, "$1's");

const read = async (path: string, onFailure: (detail: string) => void): Promise<Buffer | null> => {
  try {
    const pcm = await readFile(path);
    if (pcm.length > 0 && pcm.length % 2 === 0) return pcm.subarray(leadingSilenceOf(pcm) ?? 0);
    onFailure('cached speech: the file is broken');
  } catch (error) {
    onFailure(`cached speech: ${describeError(error)}`);
  }
  return null;
};

const bytesAtOnce = speechSampleRate; // half a second

/** Cuts samples into frames lazily, as they are played. */
function* cut(pcm: Buffer): Generator<AudioFrame> {
  const framer = openFramer(speechSampleRate, frameMs);
  for (let at = 0; at < pcm.length; at += bytesAtOnce) yield* framer.push(pcm.subarray(at, at + bytesAtOnce));
  yield* framer.flush();
}
