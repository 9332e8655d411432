/**
 * The recordings of `table.ts`, made by espeak when they are first needed and kept in the system's folder for temporary files.
 *
 * Glossary
 *   speech   the samples from the first loud one to the last loud one: the end of the utterance is the end of these
 *   loud     10 ms above −45 dBFS
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVad } from '#src/simulators/providers/deepgram/vad.ts';
import type { Word } from '#src/simulators/providers/scenario/script.ts';
import { resample } from '#src/simulators/audio/resample.ts';
import { synthesizeClip } from '#src/simulators/speech/speech.ts';
import { atLevel, fromDbfs, mixed, overBadNetwork, overPhone, rmsOf, roomNoise, trembling } from './sound.ts';
import type { Row } from './table.ts';

export const sampleRate = 16_000;
const perMs = sampleRate / 1000;
/** Part of the cache's key: to be raised when this file makes other recordings. */
const version = 5;
const loudDbfs = -45;
const speechDbfs = -22;
/** Below the threshold of speech, or the end of speech would be undefined. */
const noiseDbfs = -52;
const leadMs = 400;
const tailMs = 1_500;
/** No speech recognition takes a shorter silence for a pause. */
const gapMs = 100;

export type Recording = Readonly<{
  row: Row;
  /** Before the speech: the room's noise, or nothing. */
  lead: Int16Array;
  speech: Int16Array;
  /** After the speech. */
  tail: Int16Array;
  /** In ms from the first sample of the speech. */
  words: Word[];
  /** The pauses inside, in ms from the first sample of the speech. */
  pauses: readonly Readonly<{ startMs: number; endMs: number }>[];
}>;

type Part = { samples: Int16Array; words: Word[] };

/** The span from the first loud 10 ms to the last. */
export const loudSpan = (samples: Int16Array): { start: number; end: number } => {
  const size = 10 * perMs;
  const isLoud = (at: number) => rmsOf(samples.subarray(at, at + size)) > fromDbfs(loudDbfs);
  let start = 0;
  while (start < samples.length && !isLoud(start)) start += size;
  let end = Math.floor(samples.length / size) * size;
  while (end > start && !isLoud(end - size)) end -= size;
  return { start, end };
};

/** espeak reports some words as one ("do not"): they share its time, in proportion to their length. */
const everyWord = (text: string, told: readonly Word[]): Word[] => {
  const groups: { word: Word; texts: string[] }[] = [];
  const left = [...told];
  for (const one of text.match(/\S+/g) ?? []) {
    const last = groups.at(-1);
    if (left[0]?.text !== one && last !== undefined) last.texts.push(one);
    else groups.push({ word: left.shift() ?? { text: one, startMs: 0, endMs: 0 }, texts: [one] });
  }
  return groups.flatMap(({ word: { startMs, endMs }, texts }) => {
    const letters = texts.join('').length;
    let at = startMs;
    return texts.map((one) => {
      const from = at;
      at += ((endMs - startMs) * one.length) / letters;
      return { text: one, startMs: from, endMs: at };
    });
  });
};

/** One stretch of speech, from its first to its last loud sample. */
const speakPart = async (row: Row, text: string): Promise<Part> => {
  const slow = row.treatments?.includes('slow') === true ? 0.72 : 1;
  const pitch = row.pitch ?? 1;
  const clip = await synthesizeClip(text, {
    voice: row.voice,
    sampleRate,
    rate: ((row.rate ?? 1) * slow) / pitch,
    maxPauseMs: gapMs * pitch,
  });
  // Played faster than it was synthesized, a voice is higher.
  const samples = resample(clip.samples, Math.round(sampleRate * pitch), sampleRate);
  const levelled = atLevel(slow === 1 ? samples : trembling(samples, sampleRate), speechDbfs);
  const { start, end } = loudSpan(levelled);
  const inPart = (ms: number) => Math.min((end - start) / perMs, Math.max(0, ms / pitch - start / perMs));
  const words = everyWord(text, clip.words).map((word) => ({
    ...word,
    startMs: inPart(word.startMs),
    endMs: inPart(word.endMs),
  }));
  return { samples: levelled.slice(start, end), words };
};

const joinParts = (parts: readonly Part[], pausesMs: readonly number[]) => {
  const total = parts.reduce((sum, { samples }) => sum + samples.length, 0);
  const speech = new Int16Array(total + pausesMs.reduce((sum, ms) => sum + ms * perMs, 0));
  const words: Word[] = [];
  const pauses: { startMs: number; endMs: number }[] = [];
  let at = 0;
  parts.forEach((part, index) => {
    const startMs = at / perMs;
    speech.set(part.samples, at);
    words.push(...part.words.map((w) => ({ ...w, startMs: startMs + w.startMs, endMs: startMs + w.endMs })));
    at += part.samples.length;
    const pauseMs = pausesMs[index];
    if (pauseMs === undefined) return;
    pauses.push({ startMs: at / perMs, endMs: at / perMs + pauseMs });
    at += pauseMs * perMs;
  });
  return { speech, words, pauses };
};

const seedOf = (name: string): number => createHash('sha256').update(name).digest().readInt32LE(0);

const treat = (row: Row, speech: Int16Array): Pick<Recording, 'lead' | 'speech' | 'tail'> => {
  const has = (treatment: string) => row.treatments?.some((one) => one === treatment) === true;
  const seed = seedOf(row.name);
  const leadLength = leadMs * perMs;
  const noise = roomNoise(leadLength + speech.length + tailMs * perMs, noiseDbfs, seed);
  const noisy = has('noise') ? noise : new Int16Array(noise.length);
  let spoken = mixed(speech, noisy.subarray(leadLength));
  if (has('phone')) spoken = overPhone(spoken, sampleRate);
  if (has('loss')) spoken = overBadNetwork(spoken, sampleRate, seed);
  return { lead: noisy.slice(0, leadLength), speech: spoken, tail: noisy.slice(leadLength + speech.length) };
};

/** @throws where voice activity detection finds other stretches of speech than the table has, or another end */
const verify = (recording: Recording): void => {
  const { row, speech, tail, pauses } = recording;
  const vad = createVad({ sampleRate, channels: 1, thresholdDbfs: loudDbfs, hangoverMs: 200 });
  const heard = [speech, tail].flatMap((samples) => vad.push(Buffer.from(samples.buffer)));
  const ends = heard.flatMap((one) => (one.kind === 'end' ? [one.endMs] : []));
  const expected = [...pauses.map(({ startMs }) => startMs), speech.length / perMs];
  const isSame = ends.length === expected.length && ends.every((end, n) => Math.abs(end - (expected[n] ?? 0)) <= 70);
  if (!isSame) throw new Error(`recording ${row.name}: speech ends at ${ends.join()}, not at ${expected.join()} ms`);
  if (Math.abs((ends.at(-1) ?? 0) - speech.length / perMs) > 10)
    throw new Error(`recording ${row.name}: its last sample is not its last loud one`);
};

const make = async (row: Row): Promise<Recording> => {
  const pieces = row.text.split(/\s*~(\d+)~\s*/);
  const texts = pieces.filter((_, index) => index % 2 === 0);
  const pausesMs = pieces.filter((_, index) => index % 2 === 1).map(Number);
  const parts: Part[] = [];
  for (const text of texts) parts.push(await speakPart(row, text));
  const { speech, words, pauses } = joinParts(parts, pausesMs);
  const treated = treat(row, speech);
  // The last loud sample is the end, even where a treatment made the very end quieter.
  const { end } = loudSpan(treated.speech);
  const heard = words.map((word) => ({ ...word, endMs: Math.min(word.endMs, end / perMs) }));
  const recording = { row, ...treated, speech: treated.speech.slice(0, end), words: heard, pauses };
  verify(recording);
  return recording;
};

const cacheFolder = (): string => join(tmpdir(), 'telephony-agent-recordings');

const pathOf = (row: Row): string =>
  join(
    cacheFolder(),
    `${createHash('sha256')
      .update(JSON.stringify([version, row]))
      .digest('hex')
      .slice(0, 24)}.json`,
  );

const encode = (samples: Int16Array): string =>
  Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString('base64');
const decode = (text: string): Int16Array => {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Int16Array(bytes.buffer);
};

type Stored = { lead: string; speech: string; tail: string; words: Word[]; pauses: Recording['pauses'] };

const load = async (row: Row): Promise<Recording | null> => {
  const text = await readFile(pathOf(row), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const { lead, speech, tail, words, pauses } = JSON.parse(text) as Stored;
  return { row, lead: decode(lead), speech: decode(speech), tail: decode(tail), words, pauses };
};

const store = async (recording: Recording): Promise<void> => {
  const { row, lead, speech, tail, words, pauses } = recording;
  const stored: Stored = { lead: encode(lead), speech: encode(speech), tail: encode(tail), words, pauses };
  await mkdir(cacheFolder(), { recursive: true });
  const path = pathOf(row);
  await writeFile(`${path}.${process.pid}`, JSON.stringify(stored));
  await rename(`${path}.${process.pid}`, path);
};

/** One recording, from the cache or made now. */
export const recordingOf = async (row: Row): Promise<Recording> => {
  const kept = await load(row);
  if (kept !== null) return kept;
  const made = await make(row);
  await store(made);
  return made;
};

/** The recordings of these rows, in their order. */
export const recordingsOf = async (table: readonly Row[]): Promise<Recording[]> => {
  const recordings: Recording[] = [];
  for (const row of table) recordings.push(await recordingOf(row));
  return recordings;
};
