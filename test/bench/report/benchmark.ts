/** What a benchmark is. */
import { round } from './statistics.ts';

export type Figures = Readonly<Record<string, unknown>>;

/** A target, and what was measured of it; null: nothing was. */
export type Target = Readonly<{ name: string; value: number | null; met: boolean }>;

export type BenchmarkResult = Readonly<{
  /** Ours over the reference; null where there is no reference. */
  ratio: number | null;
  ours: Figures;
  reference: Figures | null;
  targets: readonly Target[];
  /** What makes the figures worthless, a sentence each. With any of them the run has failed, and no page is written. */
  problems: readonly string[];
  /** Every single measurement. */
  samples: unknown;
}>;

export type BenchmarkOptions = Readonly<{
  progress: (line: string) => void;
  /** A short run, to see that the benchmark works: its figures count for nothing. */
  quick: boolean;
  /** Without the reference, for work on our side: there is no ratio then. */
  onlyOurs: boolean;
  /** The machine has other work, too; for development. */
  loaded: boolean;
}>;

export type Benchmark = (options: BenchmarkOptions) => Promise<BenchmarkResult>;

/** `ours / reference`; null without a reference. */
export const ratioOf = (ours: number, reference: number | undefined): number | null =>
  reference === undefined ? null : round(ours / reference, 3);

const isMeasured = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && !Number.isNaN(value);

/** A target that is met by `limit` and everything below it. A value that wasn't measured misses it. */
export const atMost = (name: string, value: number | null | undefined, limit: number): Target => ({
  name: `${name} ≤ ${limit}`,
  value: isMeasured(value) ? value : null,
  met: isMeasured(value) && value <= limit,
});

/** A target that is met by `limit` and everything above it. A value that wasn't measured misses it. */
export const atLeast = (name: string, value: number | null | undefined, limit: number): Target => ({
  name: `${name} ≥ ${limit}`,
  value: isMeasured(value) ? value : null,
  met: isMeasured(value) && value >= limit,
});

/** The sentences whose condition holds. */
export const problemsIf = (...conditions: readonly (readonly [boolean, string])[]): string[] =>
  conditions.flatMap(([holds, problem]) => (holds ? [problem] : []));
