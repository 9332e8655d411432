/**
 * Audible speech, by espeak. It blocks its thread for about 30 ms per second of speech: where that matters, use
 * `startThreadedSpeech`.
 *
 * Clip: a spoken text (16-bit mono) with the times of its words.
 */
import type { Event, Synthesizer } from '@echogarden/espeak-ng-emscripten';
import { concatSamples } from '../audio/pcm.ts';
import { resample } from '../audio/resample.ts';
import { espeakVoice } from './voices.ts';

export { callerVoice } from './voices.ts';

/** Times are in ms from the clip's first sample. */
type Word = { text: string; startMs: number; endMs: number };
export type Clip = { samples: Int16Array; words: Word[] };

export type SpeechOptions = {
  /** An OpenAI voice, a Deepgram `aura…` model, `callerVoice`, or the name of an espeak voice. Default: alloy. */
  voice?: string;
  /** Samples per second. Default: 24000. */
  sampleRate?: number;
  /** 1 is about 175 words a minute. */
  rate?: number;
  /** Shortens longer pauses to this. Below 150 ms no recognizer takes them for one. */
  maxPauseMs?: number;
};

type Speech = { synthesize(text: string, options?: SpeechOptions): Clip };

type Engine = { espeak: Synthesizer; sampleRate: number };

const wordsPerMinute = 175;
const cachedClips = 150;
const shared: { speech?: Promise<Speech> } = {};

/**
 * @returns 16-bit mono; shared by all who ask for the same text and voice, so don't modify it
 * @throws if the development dependencies are not installed
 */
export const synthesize = async (text: string, options: SpeechOptions = {}): Promise<Int16Array> =>
  (await synthesizeClip(text, options)).samples;

/** Like `synthesize`, with the times of the words. */
export const synthesizeClip = async (text: string, options: SpeechOptions = {}): Promise<Clip> => {
  shared.speech ??= loadSpeech();
  return (await shared.speech).synthesize(text, options);
};

/**
 * Loads espeak (about 150 ms, 60 MB) with a cache of its own.
 * @throws if the development dependencies are not installed
 */
export const loadSpeech = async (): Promise<Speech> => {
  const engine = await loadEngine();
  const cache = new Map<string, Clip>();
  return {
    synthesize(text, options = {}) {
      const key = JSON.stringify([text, options.voice, options.sampleRate, options.rate, options.maxPauseMs]);
      const clip = cache.get(key) ?? makeClip(engine, text, options);
      cache.delete(key);
      cache.set(key, clip);
      if (cache.size > cachedClips) cache.delete(cache.keys().next().value ?? '');
      return clip;
    },
  };
};

const loadEngine = async (): Promise<Engine> => {
  try {
    const { default: initialize } = await import('@echogarden/espeak-ng-emscripten');
    const espeak = new (await initialize()).eSpeakNGWorker();
    return { espeak, sampleRate: espeak.samplerate };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(
      'Simulated speech needs the development dependency @echogarden/espeak-ng-emscripten: run "npm ci" without --omit=dev.',
      { cause: error },
    );
  }
};

const makeClip = ({ espeak, sampleRate }: Engine, text: string, options: SpeechOptions): Clip => {
  const parts: Int16Array[] = [];
  const events: Event[] = [];
  espeak.set_voice(espeakVoice(options.voice ?? 'alloy'));
  espeak.set_rate(Math.round(wordsPerMinute * (options.rate ?? 1)));
  // espeak parses markup: a "<" would swallow what follows.
  espeak.synthesize(text.replaceAll(/[<>&]/g, ' '), (samples, more) => {
    parts.push(samples);
    events.push(...more);
    return false;
  });
  const raw: Clip = { samples: concatSamples(parts), words: wordTimes(text, events) };
  const clip = options.maxPauseMs === undefined ? raw : shortenPauses(raw, sampleRate, options.maxPauseMs);
  return { ...clip, samples: resample(clip.samples, sampleRate, options.sampleRate ?? 24_000) };
};

/** The words as written (espeak also reports the parts of numbers), each up to the next word or pause. */
const wordTimes = (text: string, events: Event[]): Word[] => {
  const pauses = events.filter((e) => e.type === 'end' || (e.type === 'phoneme' && /^_*:?$/.test(String(e.id))));
  const starts = [...text.matchAll(/\S+/g)].flatMap((match) => {
    const end = match.index + match[0].length;
    const sound = events.find((e) => e.type === 'word' && e.text_position > match.index && e.text_position <= end);
    return sound ? [{ text: match[0], startMs: sound.audio_position }] : [];
  });
  return starts.map((word, index) => {
    // A number may contain pauses: it ends with the last one before the next word.
    const nextMs = starts[index + 1]?.startMs ?? Infinity;
    const pause = pauses.findLast((e) => e.audio_position > word.startMs && e.audio_position <= nextMs);
    const first = pauses.find((e) => e.audio_position > word.startMs)?.audio_position ?? word.startMs;
    return { ...word, endMs: Math.min(nextMs, /\d/.test(word.text) ? (pause?.audio_position ?? nextMs) : first) };
  });
};

const shortenPauses = (clip: Clip, sampleRate: number, maxPauseMs: number): Clip => {
  const size = Math.round(sampleRate / 200);
  const kept: Int16Array[] = [];
  const cuts: { atMs: number; ms: number }[] = [];
  let quietMs = 0;
  for (let at = 0; at < clip.samples.length; at += size) {
    const window = clip.samples.subarray(at, at + size);
    quietMs = window.some((sample) => Math.abs(sample) > 160) ? 0 : quietMs + 5;
    if (quietMs <= maxPauseMs) kept.push(window);
    else cuts.push({ atMs: (at / sampleRate) * 1000, ms: (window.length / sampleRate) * 1000 });
  }
  const moved = (ms: number): number => ms - cuts.reduce((sum, cut) => (cut.atMs < ms ? sum + cut.ms : sum), 0);
  return {
    samples: concatSamples(kept),
    words: clip.words.map((word) => ({ ...word, startMs: moved(word.startMs), endMs: moved(word.endMs) })),
  };
};
