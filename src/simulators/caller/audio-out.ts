/** The caller's side of the line: it never stops sending. Words are put on it; between them there is silence or noise. */
import type { AudioSource } from '@livekit/rtc-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs, type Rtc } from './rtc.ts';

/** What was said, in milliseconds since the epoch: when its first and its last sample left the caller's queue. */
export type Played = { firstSampleAt: number; lastSampleAt: number; interrupted: boolean };

export type Playback = {
  /** Settles once the last sample left the queue, or the line closed; never rejects. */
  done: Promise<Played>;
  /** Falls silent within the queue's 100 ms. */
  stop: () => void;
};

/** A speakerphone: what is heard comes back, so much quieter and later. */
export type EchoPath = Readonly<{ gainDb: number; delayMs: number }>;

export type AudioOut = AsyncDisposable & {
  source: AudioSource;
  /** Puts samples behind those that wait already. */
  play: (pcm: Int16Array) => Playback;
  /** From now on; null: a handset again. */
  setEcho: (path: EchoPath | null) => void;
  /** What the loudspeaker plays, at the line's sample rate. */
  loopBack: (samples: Int16Array) => void;
};

type Waiting = {
  pcm: Int16Array;
  at: number;
  firstSampleAt: number | null;
  stopped: boolean;
  settle: PromiseWithResolvers<Played>;
};

const frameMs = 20;
/** How much is handed over ahead, so that a busy event loop doesn't tear holes into words. */
const queueMs = 100;

/** One second of white noise of that RMS, at which frames begin anywhere. */
const makeNoise = (sampleRate: number, rms: number): Int16Array => {
  const peak = rms * Math.sqrt(3);
  return Int16Array.from({ length: sampleRate }, () => (Math.random() * 2 - 1) * peak);
};

const lay = (over: Int16Array, under: Int16Array): void => {
  over.forEach((value, index) => {
    under[index] = Math.max(-32768, Math.min(32767, value + (under[index] ?? 0)));
  });
};

/** More than this behind is too late: the loudspeaker and the microphone keep the same time. */
const mostEchoMs = 200;

type Echo = { path: EchoPath; samples: number[] };

/** The loudspeaker's sound on its way to the microphone. */
export const createEcho = (sampleRate: number) => {
  let echo: Echo | null = null;
  const perMs = sampleRate / 1000;
  return {
    set: (path: EchoPath | null) => {
      echo = path && { path, samples: Array.from({ length: path.delayMs * perMs }, () => 0) };
    },
    hear: (heard: Int16Array) => {
      if (echo === null) return;
      const gain = 10 ** (echo.path.gainDb / 20);
      for (const sample of heard) echo.samples.push(sample * gain);
      const late = echo.samples.length - (echo.path.delayMs + mostEchoMs) * perMs;
      if (late > 0) echo.samples.splice(0, late);
    },
    take: (length: number): Int16Array => Int16Array.from(echo?.samples.splice(0, length) ?? []),
  };
};

/** The samples of the next frame: of the words that wait, laid over the noise. Says whose words it holds and up to where. */
const nextFrame = ({ waiting, noise, echo }: Pick<Line, 'waiting' | 'noise' | 'echo'>, length: number) => {
  const start = Math.floor(Math.random() * (noise.length - length));
  const samples = noise.slice(start, start + length);
  lay(echo.take(length), samples);
  const first = waiting[0];
  if (first === undefined) return { samples, of: null, used: 0 };
  const words = first.stopped ? first.pcm.subarray(0, 0) : first.pcm.subarray(first.at, first.at + length);
  lay(words, samples);
  first.at += words.length;
  return { samples, of: first, used: words.length };
};

type Line = {
  rtc: Rtc;
  source: AudioSource;
  waiting: Waiting[];
  noise: Int16Array;
  echo: ReturnType<typeof createEcho>;
  sampleRate: number;
  open: boolean;
};

/** Settles what was said once its last sample left the queue. */
const finish = async (words: Waiting, lastSampleAt: number): Promise<void> => {
  await sleep(Math.max(0, lastSampleAt - nowMs()));
  const interrupted = words.at < words.pcm.length;
  words.settle.resolve({ firstSampleAt: words.firstSampleAt ?? lastSampleAt, lastSampleAt, interrupted });
};

const send = async (line: Line): Promise<void> => {
  const { rtc, source, sampleRate, waiting } = line;
  const length = (sampleRate * frameMs) / 1000;
  const finishing: Promise<void>[] = [];
  while (line.open) {
    const { samples, of, used } = nextFrame(line, length);
    await source.captureFrame(new rtc.AudioFrame(samples, sampleRate, 1, length));
    if (of === null) continue;
    // The frame that was just handed over lies at the end of the queue.
    const leavesAt = nowMs() + source.queuedDuration - frameMs;
    of.firstSampleAt ??= leavesAt;
    if (!of.stopped && of.at < of.pcm.length) continue;
    waiting.shift();
    finishing.push(finish(of, leavesAt + (used / sampleRate) * 1000));
  }
  await Promise.all([...finishing, ...waiting.splice(0).map((words) => finish(words, nowMs()))]);
};

/** Opens the line; `noiseRms` is in 16-bit units (0: digital silence; 20: a quiet line). */
export const openAudioOut = (rtc: Rtc, options: { sampleRate: number; noiseRms: number }): AudioOut => {
  const { sampleRate } = options;
  const source = new rtc.AudioSource(sampleRate, 1, queueMs);
  const waiting: Waiting[] = [];
  const noise = makeNoise(sampleRate, options.noiseRms);
  const echo = createEcho(sampleRate);
  const line: Line = { rtc, source, waiting, noise, echo, sampleRate, open: true };
  const sending = send(line);
  return {
    source,
    setEcho: echo.set,
    loopBack: echo.hear,
    play: (pcm) => {
      const words: Waiting = { pcm, at: 0, firstSampleAt: null, stopped: false, settle: Promise.withResolvers() };
      waiting.push(words);
      return { done: words.settle.promise, stop: () => void (words.stopped = true) };
    },
    [Symbol.asyncDispose]: async () => {
      line.open = false;
      await sending;
      await source.close();
    },
  };
};
