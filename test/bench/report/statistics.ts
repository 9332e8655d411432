/** The statistics of the benchmarks: quantiles that a sample is large enough for, and confidence intervals of medians. */
import { randomFrom } from '../recordings/sound.ts';

/** Two decimals are more than any measurement here is good for. */
export const round = (value: number, digits = 2): number => Math.round(value * 10 ** digits) / 10 ** digits;

/** A 95 % confidence interval; null where there is nothing to compute it from. */
export type Interval = readonly [low: number, high: number] | null;

/** Latencies in ms. `p99` is null below 200 samples: it would be little more than the worst of them. */
export type Latencies = Readonly<{ p50: number; p95: number; p99: number | null; n: number; p50Ci95: Interval }>;

const leastForP99 = 200;
const leastForInterval = 5;
const resamples = 1_000;
const seed = 20;

const ascending = (values: readonly number[]): Float64Array => Float64Array.from(values).sort();

/** The quantile of values in ascending order; NaN where there are none. */
const quantileOf = (sorted: Float64Array, quantile: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? NaN;

/** The median; NaN where there is nothing. */
export const median = (values: readonly number[]): number => quantileOf(ascending(values), 0.5);

/** The median of one resample, drawn with replacement: found by counting, since the values are in order. */
const resampledMedian = (sorted: Float64Array, random: () => number, counts: Uint32Array): number => {
  counts.fill(0);
  for (let n = 0; n < sorted.length; n += 1) {
    const drawn = Math.floor(random() * sorted.length);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  let left = Math.floor(sorted.length / 2);
  for (let index = 0; index < sorted.length; index += 1) {
    left -= counts[index] ?? 0;
    if (left < 0) return sorted[index] ?? NaN;
  }
  return NaN;
};

const medians = (values: readonly number[], random: () => number): Float64Array => {
  const sorted = ascending(values);
  const counts = new Uint32Array(sorted.length);
  return Float64Array.from({ length: resamples }, () => resampledMedian(sorted, random, counts));
};

const middle95 = (values: Float64Array): Interval => {
  const sorted = values.toSorted();
  return [round(quantileOf(sorted, 0.025), 3), round(quantileOf(sorted, 0.975), 3)];
};

/** The 95 % confidence interval of the median, by the percentile bootstrap; the same values give the same interval. */
export const medianInterval = (values: readonly number[]): Interval =>
  values.length < leastForInterval ? null : middle95(medians(values, randomFrom(seed)));

/** The same of the ratio of two independent medians. */
export const ratioInterval = (ours: readonly number[], reference: readonly number[]): Interval => {
  if (Math.min(ours.length, reference.length) < leastForInterval) return null;
  const random = randomFrom(seed);
  const below = medians(reference, random);
  return middle95(medians(ours, random).map((value, index) => value / (below[index] ?? NaN)));
};

/** The latencies of measurements in ms; NaN where there are none. */
export const latenciesOf = (measuredMs: readonly number[]): Latencies => {
  const sorted = ascending(measuredMs);
  return {
    p50: round(quantileOf(sorted, 0.5)),
    p95: round(quantileOf(sorted, 0.95)),
    p99: sorted.length < leastForP99 ? null : round(quantileOf(sorted, 0.99)),
    n: sorted.length,
    p50Ci95: medianInterval(measuredMs),
  };
};
