/** What happens to a caller's sound on its way. 16-bit mono; whatever is random is seeded, so that it is the same each time. */
import { resample } from '#src/simulators/audio/resample.ts';

/** Random numbers from 0 to 1, the same ones for the same seed. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** The same elements in an order that depends on the seed. */
export const shuffle = <T>(elements: readonly T[], seed: number): T[] => {
  const random = randomFrom(seed);
  return elements
    .map((element) => ({ element, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ element }) => element);
};

const clamp = (value: number): number => Math.max(-32_768, Math.min(32_767, Math.round(value)));

export const rmsOf = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length));

export const fromDbfs = (db: number): number => 32_768 * 10 ** (db / 20);

/** The same sound with that RMS. */
export const atLevel = (samples: Int16Array, db: number): Int16Array => {
  const gain = fromDbfs(db) / Math.max(1, rmsOf(samples));
  return samples.map((sample) => clamp(sample * gain));
};

/** A sample after µ-law coding in 8 bits. */
const companded = (sample: number): number => {
  const mu = 255;
  const compressed = (Math.sign(sample) * Math.log1p((mu * Math.abs(sample)) / 32_768)) / Math.log1p(mu);
  const coded = Math.round(compressed * 127) / 127;
  return clamp((Math.sign(coded) * 32_768 * Math.expm1(Math.abs(coded) * Math.log1p(mu))) / mu);
};

/** The sound after a telephone line: 8 kHz, µ-law. */
export const overPhone = (samples: Int16Array, sampleRate: number): Int16Array => {
  const narrow = resample(samples, sampleRate, 8_000).map(companded);
  const wide = resample(narrow, 8_000, sampleRate);
  const out = new Int16Array(samples.length);
  out.set(wide.subarray(0, samples.length));
  return out;
};

/** Low-pitched room noise of that length and level. */
export const roomNoise = (length: number, db: number, seed: number): Int16Array => {
  const random = randomFrom(seed);
  let low = 0;
  const raw = Float64Array.from({ length }, () => {
    low = 0.85 * low + 0.15 * (random() * 2 - 1);
    return low;
  });
  const rms = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0) / Math.max(1, length));
  return Int16Array.from(raw, (value) => clamp((value * fromDbfs(db)) / rms));
};

export const mixed = (a: Int16Array, b: Int16Array): Int16Array =>
  Int16Array.from(a, (sample, index) => clamp(sample + (b[index] ?? 0)));

const packetMs = 20;
const lost = 0.03;
const late = 0.03;
const mostLatePackets = 3;

/**
 * 3 % of the packets are lost, and as many come 20 to 60 ms late: a gap is heard, then the sound goes on where it was, until
 * packets dropped later make up for it. The first and the last two packets always arrive.
 */
export const overBadNetwork = (samples: Int16Array, sampleRate: number, seed: number): Int16Array => {
  const random = randomFrom(seed);
  const size = (sampleRate * packetMs) / 1000;
  const out = new Int16Array(samples.length);
  let behind = 0;
  for (let at = 0; at < samples.length; at += size) {
    const protectedPart = at < 2 * size || at >= samples.length - (3 + mostLatePackets) * size;
    if (protectedPart) behind = Math.max(0, behind - 1);
    else if (random() < lost) continue;
    else if (behind === 0 && random() < late) behind = 1 + Math.floor(random() * mostLatePackets);
    else if (behind > 0 && random() < 0.3) behind -= 1;
    const from = at - behind * size;
    out.set(samples.subarray(from, Math.min(from + size, from + samples.length - at)), at);
  }
  return out;
};

/** The tremor of an elderly voice. */
export const trembling = (samples: Int16Array, sampleRate: number): Int16Array =>
  samples.map((sample, index) => clamp(sample * (0.85 + 0.15 * Math.sin((2 * Math.PI * 5.5 * index) / sampleRate))));
