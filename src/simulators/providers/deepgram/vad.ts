/** Voice activity detection by level. All times are in ms of audio since the stream began. */
import { rms, rmsOfDbfs } from '../../audio/pcm.ts';

const windowMs = 10;
/** Speech starts when this many of the last ten windows are loud: a click is not speech. */
const loudWindowsToStart = 6;

export type VadEvent = { kind: 'start'; startMs: number } | { kind: 'end'; startMs: number; endMs: number };

export type Vad = {
  /** Takes 16-bit PCM of any length (channels interleaved; only the first counts) and returns what it detects, in order. */
  push(pcm: Buffer): VadEvent[];
  /** Ends the current speech, if any, where it was last loud. */
  endNow(): VadEvent[];
  /** How much audio was pushed. */
  positionMs(): number;
};

type VadState = {
  threshold: number;
  hangoverMs: number;
  atMs: number;
  /** When the latest loud windows ended, while there is no speech. */
  loudAtMs: number[];
  speech: { startMs: number; endMs: number } | null;
};

/** @param options speech ends after `hangoverMs` below `thresholdDbfs` */
export const createVad = (options: {
  sampleRate: number;
  channels: number;
  thresholdDbfs: number;
  hangoverMs: number;
}): Vad => {
  const windowBytes = Math.round((options.sampleRate * windowMs) / 1000) * 2 * options.channels;
  const threshold = rmsOfDbfs(options.thresholdDbfs);
  const state: VadState = { threshold, hangoverMs: options.hangoverMs, atMs: 0, loudAtMs: [], speech: null };
  let pending = Buffer.alloc(0);
  return {
    push(pcm) {
      pending = Buffer.concat([pending, pcm]);
      const events: VadEvent[] = [];
      let used = 0;
      for (; used + windowBytes <= pending.length; used += windowBytes) {
        events.push(...detect(state, firstChannel(pending.subarray(used, used + windowBytes), options.channels)));
      }
      pending = pending.subarray(used);
      return events;
    },
    endNow: () => endSpeech(state),
    positionMs: () => state.atMs + (pending.length / windowBytes) * windowMs,
  };
};

const firstChannel = (pcm: Buffer, channels: number): Int16Array =>
  Int16Array.from({ length: pcm.length / (2 * channels) }, (_, index) => pcm.readInt16LE(2 * channels * index));

const detect = (state: VadState, window: Int16Array): VadEvent[] => {
  const isLoud = rms(window) > state.threshold;
  state.atMs += windowMs;
  const { atMs, speech } = state;
  if (speech) {
    if (isLoud) speech.endMs = atMs;
    return atMs - speech.endMs >= state.hangoverMs ? endSpeech(state) : [];
  }
  state.loudAtMs = state.loudAtMs.filter((ms) => ms > atMs - 10 * windowMs);
  if (isLoud) state.loudAtMs.push(atMs);
  if (state.loudAtMs.length < loudWindowsToStart) return [];
  const startMs = (state.loudAtMs[0] ?? atMs) - windowMs;
  state.speech = { startMs, endMs: atMs };
  return [{ kind: 'start', startMs }];
};

const endSpeech = (state: VadState): VadEvent[] => {
  const { speech } = state;
  state.speech = null;
  state.loudAtMs = [];
  return speech ? [{ kind: 'end', ...speech }] : [];
};
