/** The silence with which a voice begins: nobody needs to wait for it. */
import { rmsOf } from './loudness.ts';
import { speechSampleRate } from '#src/protocol/speech-request.ts';

const windowBytes = (speechSampleRate / 100) * 2;
/** Quieter than about −50 dBFS (root mean square of 16-bit samples) is silence. */
const quietRms = 100;

/** How many bytes of silence a sound begins with, less the last 10 ms of it: a voice rises. Null: there is nothing but silence. */
export const leadingSilenceOf = (pcm: Buffer): number | null => {
  for (let at = 0; at + windowBytes <= pcm.length; at += windowBytes)
    if (rmsOf(pcm.subarray(at, at + windowBytes)) > quietRms) return Math.max(0, at - windowBytes);
  return null;
};

/** Leaves the silence out that a sound begins with, whatever its chunks (an even number of bytes each) are. */
export async function* withoutLeadingSilence(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Buffer | null = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (held === null) {
      yield chunk;
      continue;
    }
    held = Buffer.concat([held, chunk]);
    const lead = leadingSilenceOf(held);
    if (lead === null) {
      // The last 10 ms may be the beginning of the voice, and what is no full 10 ms yet.
      held = held.subarray(Math.max(0, held.length - (held.length % windowBytes) - windowBytes));
    } else {
      yield held.subarray(lead);
      held = null;
    }
  }
  if (held !== null && held.length > 0) yield held;
}
