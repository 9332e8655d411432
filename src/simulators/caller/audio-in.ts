/** What reaches the caller: loudness over time, and the sound itself when it is to be kept. */
import type { AudioFrame, RemoteTrack } from '@livekit/rtc-node';
import { nowMs, type Rtc } from './rtc.ts';

/** 10 ms as they arrived: when (ms since the epoch) and how loud (RMS in 16-bit units). */
export type HeardFrame = { at: number; rms: number };

const frameMs = 10;

/** −45 dBFS: louder is speech. */
export const speechRms = 32_768 * 10 ** (-45 / 20);

export type AudioInOptions = {
  sampleRate: number;
  /** Keeps the samples, for `recording`. */
  record: boolean;
  /** Whether media reaches the caller yet. */
  isConnected: () => boolean;
  /** Told of all that is heard, 10 ms at a time. */
  onAudio?: (samples: Int16Array) => void;
};

export type AudioIn = AsyncDisposable & {
  frames: readonly HeardFrame[];
  /** Speech that was lost because the line wasn't through yet. */
  clippedMs: () => number;
  /** Frames that came before the line was through, silent ones too. */
  droppedFrames: () => number;
  /** The first frame of speech at or after that moment. */
  firstSpeechSince: (at: number) => HeardFrame | null;
  lastSpeech: () => HeardFrame | null;
  addTrack: (track: RemoteTrack) => void;
  /** What was heard, on a time axis that begins at `from`; several voices are mixed. Empty unless kept. */
  recording: (from: number) => Int16Array;
};

const rmsOf = (samples: Int16Array): number => {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / Math.max(1, samples.length));
};

type Kept = { track: number; at: number; samples: Int16Array };

/** Lays each track's frames one behind the other, anew where they came later than that by more than a fifth of a second. */
const mix = (kept: readonly Kept[], from: number, sampleRate: number): Int16Array => {
  const perMs = sampleRate / 1000;
  const ends = new Map<number, number>();
  const placed = kept.map(({ track, at, samples }) => {
    const arrived = Math.max(0, Math.round((at - from) * perMs) - samples.length);
    const follows = ends.get(track) ?? arrived;
    const start = Math.abs(arrived - follows) > sampleRate / 5 ? arrived : follows;
    ends.set(track, start + samples.length);
    return { start, samples };
  });
  const length = placed.reduce((end, { start, samples }) => Math.max(end, start + samples.length), 0);
  const sound = new Int16Array(length);
  for (const { start, samples } of placed) {
    samples.forEach((value, index) => {
      sound[start + index] = Math.max(-32768, Math.min(32767, (sound[start + index] ?? 0) + value));
    });
  }
  return sound;
};

type Hearing = { frames: HeardFrame[]; kept: Kept[]; clipped: number; dropped: number };

const take = (hearing: Hearing, options: AudioInOptions, track: number, samples: Int16Array): void => {
  const frame = { at: nowMs(), rms: rmsOf(samples) };
  if (options.isConnected()) {
    hearing.frames.push(frame);
    if (options.record) hearing.kept.push({ track, at: frame.at, samples: samples.slice() });
    options.onAudio?.(samples);
    return;
  }
  hearing.dropped += 1;
  if (frame.rms > speechRms) hearing.clipped += 1;
};

/** From the end backwards: what is asked for is nearly always what was just heard. */
const firstSpeechSince = (frames: readonly HeardFrame[], at: number): HeardFrame | null => {
  let found: HeardFrame | null = null;
  for (let index = frames.length - 1; index >= 0; index -= 1) {
    const frame = frames[index];
    if (frame === undefined || frame.at < at) break;
    if (frame.rms > speechRms) found = frame;
  }
  return found;
};

/** Opens the ear. What comes before the line is through is lost, and counted. */
export const openAudioIn = (rtc: Rtc, options: AudioInOptions): AudioIn => {
  const hearing: Hearing = { frames: [], kept: [], clipped: 0, dropped: 0 };
  const { frames, kept } = hearing;
  const readers: ReadableStreamDefaultReader<AudioFrame>[] = [];
  const reading: Promise<void>[] = [];

  const read = async (reader: ReadableStreamDefaultReader<AudioFrame>, track: number): Promise<void> => {
    for (let next = await reader.read(); !next.done; next = await reader.read())
      take(hearing, options, track, next.value.data);
  };

  return {
    frames,
    clippedMs: () => hearing.clipped * frameMs,
    droppedFrames: () => hearing.dropped,
    firstSpeechSince: (at) => firstSpeechSince(frames, at),
    lastSpeech: () => frames.findLast((frame) => frame.rms > speechRms) ?? null,
    addTrack: (track) => {
      const { sampleRate } = options;
      const reader = new rtc.AudioStream(track, { sampleRate, numChannels: 1, frameSizeMs: frameMs }).getReader();
      readers.push(reader);
      reading.push(read(reader, readers.length));
    },
    recording: (from) => mix(kept, from, options.sampleRate),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(readers.map((reader) => reader.cancel()));
      await Promise.all(reading);
    },
  };
};
