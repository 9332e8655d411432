/** The silence at the beginning of synthesized speech. It is cut, so that callers don't wait for it. */
import { rmsOf } from './loudness.ts';
import { speechSampleRate } from '#src/protocol/speech-request.ts';

const windowBytes = (speechSampleRate / 100) * 2;
/** Anything quieter counts as silence: about −50 dBFS, as the root mean square of 16-bit samples. */
const quietRms = 100;

/** How many bytes of leading silence can be cut; the last 10 ms stay, because speech fades in. Null if it is all silence. */
export const leadingSilenceOf = (pcm: Buffer): number | null => {
  for (let at = 0; at + windowBytes <= pcm.length; at += windowBytes)
    if (rmsOf(pcm.subarray(at, at + windowBytes)) > quietRms) return Math.max(0, at - windowBytes);
  return null;
};

/** Removes the leading silence. Chunks may have any size, as long as it is an even number of bytes. */
export async function* withoutLeadingSilence(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pending: Buffer | null = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (pending === null) {
      yield chunk;
      continue;
    }
    pending = Buffer.concat([pending, chunk]);
    const silentBytes = leadingSilenceOf(pending);
    if (silentBytes === null) {
      // Speech may fade in during the last 10 ms, and the incomplete window after them hasn't been measured.
      pending = pending.subarray(Math.max(0, pending.length - (pending.length % windowBytes) - windowBytes));
    } else {
      yield pending.subarray(silentBytes);
      pending = null;
    }
  }
  if (pending !== null && pending.length > 0) yield pending;
}
