/**
 * `npm run bench -- NAME`: one benchmark beside its reference, in the same run on the same machine, in alternating rounds. The last
 * line is JSON: `{ name, ratio, ours, reference, targets, problems, machine }`. With any problem the exit code is 1.
 *
 * The figures go to docs/benchmarks/NAME.md, the raw samples to NAME-samples.json beside it; those of a run that failed or doesn't
 * count to the system's temporary folder.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { descendantsOf, kill } from '#test/support/processes.ts';
import { benchmarks } from './benchmarks.ts';
import type { BenchmarkOptions } from './report/benchmark.ts';
import { isCalm, loadNow } from './report/machine.ts';
import { runBenchmark } from './report/run.ts';
import { hashSources } from './report/stale.ts';

const usage = `Usage: npm run bench -- NAME [--quick] [--ours] [--loaded]

  NAME      ${Object.keys(benchmarks).join(', ')}
  --quick   a short run to see that the benchmark works
  --ours    without the reference
  --loaded  runs although the machine is busy

With any of the flags, no page is written.`;

const folder = join(import.meta.dirname, '../../docs/benchmarks');

const run = async (name: string, flags: Omit<BenchmarkOptions, 'progress'>): Promise<number> => {
  const entry = benchmarks[name];
  if (entry === undefined) {
    console.error(usage);
    return 1;
  }
  const print = (line: string): void => console.log(line);
  const sources = await hashSources(entry.measures);
  const { benchmark } = await entry.load();
  const load = await loadNow(!flags.quick && !flags.loaded, print);
  if (!isCalm(load)) print(`Warning: ${load} cores are in use. The figures mean little.`);
  return runBenchmark({ name, benchmark, options: { ...flags, progress: print }, load, folder, sources, print });
};

// Stopped in the middle, a benchmark leaves no servers and call processes behind.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    kill(descendantsOf(process.pid));
    process.kill(process.pid, signal);
  });

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, ours: { type: 'boolean' }, loaded: { type: 'boolean' } },
});
process.exitCode = await run(positionals[0] ?? '', {
  quick: values.quick ?? false,
  onlyOurs: values.ours ?? false,
  loaded: values.loaded ?? false,
});
