/** The caller's outgoing audio. It never pauses: between utterances it carries silence or line noise, as a phone line does. */
import type { AudioSource } from '@livekit/rtc-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { mixInto } from '../audio/pcm.ts';
import { createEcho, type Echo, type EchoPath } from './echo.ts';
import { nowMs, type Rtc } from './rtc.ts';

/** When the first and the last sample left the send queue, in ms since the epoch. */
export type Played = { firstSampleAt: number; lastSampleAt: number; interrupted: boolean };

export type Playback = {
  /** Resolves when the last sample has left the queue or the audio was closed; never rejects. */
  done: Promise<Played>;
  /** Falls silent within the 100 ms of the queue. */
  stop: () => void;
};

export type AudioOut = AsyncDisposable & {
  source: AudioSource;
  /** Queues samples behind those that are still waiting. */
  play: (pcm: Int16Array) => Playback;
  /** Switches the echo of a speakerphone on, or off with null. */
  setEcho: (path: EchoPath | null) => void;
  /** What the caller's loudspeaker plays, for the echo. */
  loopBack: (samples: Int16Array) => void;
};

type Queued = {
  pcm: Int16Array;
  position: number;
  firstSampleAt: number | null;
  isStopped: boolean;
  done: PromiseWithResolvers<Played>;
};

type Sender = {
  rtc: Rtc;
  source: AudioSource;
  queue: Queued[];
  noise: Int16Array;
  echo: Echo;
  sampleRate: number;
  isOpen: boolean;
};

const frameMs = 20;
/** How far ahead audio is sent, so that a busy event loop leaves no holes in words. */
const queueMs = 100;

/** One second of white noise; frames are cut from it at random. */
const createNoise = (sampleRate: number, rms: number): Int16Array => {
  const peak = rms * Math.sqrt(3);
  return Int16Array.from({ length: sampleRate }, () => (Math.random() * 2 - 1) * peak);
};

/** The next frame: noise and echo under the speech at the head of the queue, if any, of which it contains `used` samples. */
const nextFrame = ({ queue, noise, echo }: Sender, length: number) => {
  const start = Math.floor(Math.random() * (noise.length - length));
  const samples = noise.slice(start, start + length);
  mixInto(samples, echo.take(length));
  const head = queue[0];
  if (head === undefined) return { samples, head: null, used: 0 };
  const speech = head.isStopped ? head.pcm.subarray(0, 0) : head.pcm.subarray(head.position, head.position + length);
  mixInto(samples, speech);
  head.position += speech.length;
  return { samples, head, used: speech.length };
};

const finish = async (queued: Queued, lastSampleAt: number): Promise<void> => {
  await sleep(Math.max(0, lastSampleAt - nowMs()));
  const interrupted = queued.position < queued.pcm.length;
  queued.done.resolve({ firstSampleAt: queued.firstSampleAt ?? lastSampleAt, lastSampleAt, interrupted });
};

const sendUntilClosed = async (sender: Sender): Promise<void> => {
  const { rtc, source, sampleRate, queue } = sender;
  const length = (sampleRate * frameMs) / 1000;
  const finishing: Promise<void>[] = [];
  while (sender.isOpen) {
    const { samples, head, used } = nextFrame(sender, length);
    await source.captureFrame(new rtc.AudioFrame(samples, sampleRate, 1, length));
    if (head === null) continue;
    // The frame just captured is at the end of LiveKit's queue.
    const leavesAt = nowMs() + source.queuedDuration - frameMs;
    head.firstSampleAt ??= leavesAt;
    if (!head.isStopped && head.position < head.pcm.length) continue;
    queue.shift();
    finishing.push(finish(head, leavesAt + (used / sampleRate) * 1000));
  }
  await Promise.all([...finishing, ...queue.splice(0).map((queued) => finish(queued, nowMs()))]);
};

/** @param options `noiseRms` is in 16-bit units (0: digital silence; 20: a quiet line) */
export const openAudioOut = (rtc: Rtc, options: { sampleRate: number; noiseRms: number }): AudioOut => {
  const { sampleRate } = options;
  const source = new rtc.AudioSource(sampleRate, 1, queueMs);
  const queue: Queued[] = [];
  const echo = createEcho(sampleRate);
  const noise = createNoise(sampleRate, options.noiseRms);
  const sender: Sender = { rtc, source, queue, noise, echo, sampleRate, isOpen: true };
  const sending = sendUntilClosed(sender);
  return {
    source,
    setEcho: echo.setPath,
    loopBack: echo.play,
    play: (pcm) => {
      const queued: Queued = {
        pcm,
        position: 0,
        firstSampleAt: null,
        isStopped: false,
        done: Promise.withResolvers(),
      };
      queue.push(queued);
      return { done: queued.done.promise, stop: () => void (queued.isStopped = true) };
    },
    [Symbol.asyncDispose]: async () => {
      sender.isOpen = false;
      await sending;
      await source.close();
    },
  };
};
