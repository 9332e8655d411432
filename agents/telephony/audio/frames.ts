/** Cuts PCM of any chunk size into audio frames of equal length. */
import { AudioFrame } from '@livekit/rtc-node';

type Framer = {
  /** Takes 16-bit mono samples as bytes (an even number); gives the frames that are full. */
  push: (pcm: Uint8Array) => AudioFrame[];
  /** Gives what is left as a shorter frame. */
  flush: () => AudioFrame[];
};

/** Opens a framer for mono audio; `frameMs` is the length of a frame in ms. */
export const openFramer = (sampleRate: number, frameMs: number): Framer => {
  const frameBytes = ((sampleRate * frameMs) / 1000) * 2;
  let rest: Buffer = Buffer.alloc(0);
  return {
    push: (pcm) => {
      rest = Buffer.concat([rest, pcm]);
      const frames: AudioFrame[] = [];
      for (; rest.length >= frameBytes; rest = rest.subarray(frameBytes)) {
        frames.push(toFrame(rest.subarray(0, frameBytes), sampleRate));
      }
      return frames;
    },
    flush: () => {
      const frames = rest.length === 0 ? [] : [toFrame(rest, sampleRate)];
      rest = Buffer.alloc(0);
      return frames;
    },
  };
};

const toFrame = (pcm: Buffer, sampleRate: number): AudioFrame => {
  // A copy of its own: the native side reads the whole underlying memory, which must be aligned to 2 bytes.
  const samples = new Int16Array(new Uint8Array(pcm).buffer);
  return new AudioFrame(samples, sampleRate, 1, samples.length);
};
