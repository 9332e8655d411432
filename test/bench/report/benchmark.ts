/** What a benchmark is. */

export type Figures = Readonly<Record<string, unknown>>;

/** Latencies in ms. */
export type Latencies = Readonly<{ p50: number; p95: number; p99: number; n: number }>;

export type BenchmarkResult = Readonly<{
  /** Ours over the reference; null where there is no reference. */
  ratio: number | null;
  ours: Figures;
  reference: Figures | null;
  /** Every single measurement. */
  samples: unknown;
}>;

export type BenchmarkOptions = Readonly<{
  progress: (line: string) => void;
  /** A short run, to see that it runs: its figures count for nothing. */
  quick: boolean;
  /** Without the reference, for who works on ours: there is no ratio then. */
  onlyOurs: boolean;
  /** Of `reply` and `interrupt`: less than the usual number of rounds, in which nothing is left out; its figures count for nothing either. */
  rounds: number | null;
}>;

export type Benchmark = (options: BenchmarkOptions) => Promise<BenchmarkResult>;

const round = (value: number): number => Math.round(value * 100) / 100;

/** The latencies of measurements in ms; NaN where there are none. */
export const latenciesOf = (measuredMs: readonly number[]): Latencies => {
  const sorted = measuredMs.toSorted((a, b) => a - b);
  const at = (quantile: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? NaN);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), n: sorted.length };
};
