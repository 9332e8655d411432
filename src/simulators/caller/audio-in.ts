/** The audio that reaches the caller: its level over time, and the samples themselves if they are recorded. */
import type { AudioFrame, RemoteTrack } from '@livekit/rtc-node';
import { mixInto, rms, rmsOfDbfs } from '../audio/pcm.ts';
import { nowMs, type Rtc } from './rtc.ts';

/** 10 ms of audio: when it arrived (ms since the epoch) and its RMS in 16-bit units. */
export type HeardFrame = { at: number; rms: number };

const frameMs = 10;

/** Anything louder counts as speech. */
export const speechRms = rmsOfDbfs(-45);

type AudioInOptions = {
  sampleRate: number;
  /** Keeps the samples, for `recording`. */
  record: boolean;
  /** Whether media reaches the caller yet. */
  isConnected: () => boolean;
  /** Receives everything the caller hears, 10 ms at a time. */
  onAudio?: (samples: Int16Array) => void;
};

export type AudioIn = AsyncDisposable & {
  frames: readonly HeardFrame[];
  /** How much speech was lost because the call was not connected yet. */
  clippedMs: () => number;
  /** How many frames arrived before the call was connected, silent ones included. */
  droppedFrames: () => number;
  /** The first frame of speech at or after `at`. */
  firstSpeechSince: (at: number) => HeardFrame | null;
  lastSpeech: () => HeardFrame | null;
  addTrack: (track: RemoteTrack) => void;
  /** Everything the caller heard since `from`, all tracks mixed. Empty unless recorded. */
  recording: (from: number) => Int16Array;
};

type RecordedFrame = { track: number; at: number; samples: Int16Array };

/** Frames of one track follow each other without gaps, unless one arrives more than 200 ms late. */
const mixRecording = (frames: readonly RecordedFrame[], from: number, sampleRate: number): Int16Array => {
  const perMs = sampleRate / 1000;
  const ends = new Map<number, number>();
  const placed = frames.map(({ track, at, samples }) => {
    const arrived = Math.max(0, Math.round((at - from) * perMs) - samples.length);
    const expected = ends.get(track) ?? arrived;
    const start = Math.abs(arrived - expected) > sampleRate / 5 ? arrived : expected;
    ends.set(track, start + samples.length);
    return { start, samples };
  });
  const mixed = new Int16Array(placed.reduce((end, { start, samples }) => Math.max(end, start + samples.length), 0));
  for (const { start, samples } of placed) mixInto(mixed, samples, start);
  return mixed;
};

/** Searches backwards: the speech in question is nearly always recent. */
const firstSpeechSince = (frames: readonly HeardFrame[], at: number): HeardFrame | null => {
  let found: HeardFrame | null = null;
  for (let index = frames.length - 1; index >= 0; index -= 1) {
    const frame = frames[index];
    if (frame === undefined || frame.at < at) break;
    if (frame.rms > speechRms) found = frame;
  }
  return found;
};

/** Audio that arrives before the call is connected is dropped and counted. */
export const openAudioIn = (rtc: Rtc, options: AudioInOptions): AudioIn => {
  const { sampleRate } = options;
  const frames: HeardFrame[] = [];
  const recorded: RecordedFrame[] = [];
  const readers: ReadableStreamDefaultReader<AudioFrame>[] = [];
  const reading: Promise<void>[] = [];
  let clippedFrames = 0;
  let droppedFrames = 0;

  const receive = (track: number, samples: Int16Array): void => {
    const frame = { at: nowMs(), rms: rms(samples) };
    if (options.isConnected()) {
      frames.push(frame);
      if (options.record) recorded.push({ track, at: frame.at, samples: samples.slice() });
      options.onAudio?.(samples);
      return;
    }
    droppedFrames += 1;
    if (frame.rms > speechRms) clippedFrames += 1;
  };

  const read = async (reader: ReadableStreamDefaultReader<AudioFrame>, track: number): Promise<void> => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) receive(track, next.value.data);
  };

  return {
    frames,
    clippedMs: () => clippedFrames * frameMs,
    droppedFrames: () => droppedFrames,
    firstSpeechSince: (at) => firstSpeechSince(frames, at),
    lastSpeech: () => frames.findLast((frame) => frame.rms > speechRms) ?? null,
    addTrack: (track) => {
      const reader = new rtc.AudioStream(track, { sampleRate, numChannels: 1, frameSizeMs: frameMs }).getReader();
      readers.push(reader);
      reading.push(read(reader, readers.length));
    },
    recording: (from) => mixRecording(recorded, from, sampleRate),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(readers.map((reader) => reader.cancel()));
      await Promise.all(reading);
    },
  };
};
