/** Runs one benchmark and decides what becomes of its result: figures for its page, or an exit code of 1. */
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, BenchmarkOptions, BenchmarkResult } from './benchmark.ts';
import { describeMachine, isCalm, type Machine } from './machine.ts';
import { writeFigures } from './page.ts';

type Job = Readonly<{
  name: string;
  benchmark: Benchmark;
  options: BenchmarkOptions;
  /** Cores in use before the start. */
  load: number;
  /** Where the pages are. */
  folder: string;
  /** The hash of what is measured. */
  sources: string;
  print: (line: string) => void;
}>;

const failed = (error: unknown): BenchmarkResult => ({
  ratio: null,
  ours: {},
  reference: null,
  targets: [],
  problems: [error instanceof Error ? error.message : String(error)],
  samples: [],
});

const loadProblem = ({ load, options }: Job): string[] =>
  isCalm(load) || options.loaded || options.quick ? [] : [`${load} cores were in use before the start`];

const save = async (job: Job, machine: Machine, result: BenchmarkResult, mayWritePage: boolean): Promise<void> => {
  const { name, folder, sources } = job;
  const { samples, ...figures } = result;
  const samplesFolder = mayWritePage ? folder : tmpdir();
  await mkdir(samplesFolder, { recursive: true });
  const file = join(samplesFolder, `${name}-samples.json`);
  await writeFile(file, `${JSON.stringify({ machine, result: figures, samples })}\n`);
  if (mayWritePage) await writeFigures(join(folder, `${name}.md`), machine, figures, sources);
  else job.print(`Samples: ${file}`);
};

/**
 * Prints the result as one line of JSON, the last one.
 * @returns the exit code: 1 when there was any problem; then, and after a run that doesn't count, no page is written
 */
export const runBenchmark = async (job: Job): Promise<number> => {
  const { name, benchmark, options, print } = job;
  const result = await benchmark(options).catch(failed);
  const problems = [...loadProblem(job), ...result.problems];
  const machine = await describeMachine(job.load);
  const counts = !options.quick && !options.onlyOurs && !options.loaded;
  await save(job, machine, { ...result, problems }, counts && problems.length === 0);
  for (const target of result.targets)
    if (!target.met) print(`Missed: ${target.name} (measured: ${target.value ?? 'nothing'})`);
  for (const problem of problems) print(`Problem: ${problem}`);
  const { ratio, ours, reference, targets } = result;
  print(JSON.stringify({ name, ratio, ours, reference, targets, problems, machine }));
  return problems.length === 0 ? 0 : 1;
};
