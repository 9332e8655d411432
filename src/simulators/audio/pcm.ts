/** Arithmetic on 16-bit PCM samples, one channel. */

const min = -32_768;
const max = 32_767;

const clip = (value: number): number => Math.max(min, Math.min(max, value));

/** The root mean square, in 16-bit units; 0 for no samples. */
export const rms = (samples: Int16Array): number => {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / Math.max(1, samples.length));
};

/** The RMS, in 16-bit units, of a level in dBFS. */
export const rmsOfDbfs = (dbfs: number): number => -min * 10 ** (dbfs / 20);

/** Adds `samples` to `target`, starting at `offset`; what exceeds 16 bits is clipped. */
export const mixInto = (target: Int16Array, samples: Int16Array, offset = 0): void => {
  samples.forEach((value, index) => {
    target[offset + index] = clip((target[offset + index] ?? 0) + value);
  });
};

export const concatSamples = (parts: readonly Int16Array[]): Int16Array => {
  const joined = new Int16Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
};
