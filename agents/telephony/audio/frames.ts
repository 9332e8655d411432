/** Cuts PCM of any chunk size into audio frames of equal length. */
import { AudioFrame } from '@livekit/rtc-node';

type Framer = {
  /** Takes 16-bit mono samples, an even number of bytes; returns the frames that are now complete. */
  push: (pcm: Uint8Array) => AudioFrame[];
  /** Returns the remaining samples as a shorter frame. */
  flush: () => AudioFrame[];
};

/** Opens a framer for mono audio; `frameMs` is the length of a frame in ms. */
export const openFramer = (sampleRate: number, frameMs: number): Framer => {
  const frameBytes = ((sampleRate * frameMs) / 1000) * 2;
  let pending: Buffer = Buffer.alloc(0);
  return {
    push: (pcm) => {
      pending = Buffer.concat([pending, pcm]);
      const frames: AudioFrame[] = [];
      for (; pending.length >= frameBytes; pending = pending.subarray(frameBytes)) {
        frames.push(toFrame(pending.subarray(0, frameBytes), sampleRate));
      }
      return frames;
    },
    flush: () => {
      const frames = pending.length === 0 ? [] : [toFrame(pending, sampleRate)];
      pending = Buffer.alloc(0);
      return frames;
    },
  };
};

const toFrame = (pcm: Buffer, sampleRate: number): AudioFrame => {
  // Copied, because the native side reads the whole underlying memory, which must be aligned to 2 bytes.
  const samples = new Int16Array(new Uint8Array(pcm).buffer);
  return new AudioFrame(samples, sampleRate, 1, samples.length);
};
