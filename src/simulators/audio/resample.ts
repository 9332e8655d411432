/** Sample rate conversion by windowed sinc, with one table of weights per phase. */

/** Taps on each side of a sample, at the lower of the two rates. */
const zeroCrossings = 16;

/**
 * @param samples 16-bit mono
 * @returns the same audio at `toRate` samples per second; the same array if the rates are equal
 */
export const resample = (samples: Int16Array, fromRate: number, toRate: number): Int16Array => {
  if (fromRate === toRate) return samples;
  const divisor = greatestCommonDivisor(fromRate, toRate);
  const step = fromRate / divisor;
  const phases = toRate / divisor;
  const tables = Array.from({ length: phases }, (_, phase) => weights(phase / phases, Math.min(1, toRate / fromRate)));
  const out = new Int16Array(Math.floor((samples.length * toRate) / fromRate));
  for (let index = 0; index < out.length; index++) {
    const at = index * step;
    const table = tables[at % phases] ?? new Float32Array();
    const first = Math.floor(at / phases) - table.length / 2 + 1;
    let sum = 0;
    for (let tap = 0; tap < table.length; tap++) sum += (samples[first + tap] ?? 0) * (table[tap] ?? 0);
    out[index] = Math.max(-32768, Math.min(32767, Math.round(sum)));
  }
  return out;
};

/** Weights of the input samples around a point `fraction` after a sample; a `cutoff` of 1 keeps the whole band. */
const weights = (fraction: number, cutoff: number): Float32Array => {
  const half = Math.ceil(zeroCrossings / cutoff);
  const table = new Float32Array(2 * half);
  for (let tap = 0; tap < table.length; tap++) {
    const distance = tap - half + 1 - fraction;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / half);
    table[tap] = Math.abs(distance) < half ? cutoff * sinc(distance * cutoff) * window : 0;
  }
  const total = table.reduce((sum, weight) => sum + weight, 0);
  return table.map((weight) => weight / total);
};

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));
