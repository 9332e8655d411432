/**
 * `npm run bench -- NAME`: one benchmark, beside its reference, in the same run on the same machine, in alternating rounds. The last
 * line is JSON: `{ name, ratio, ours, reference }`. The raw samples go to docs/benchmarks/NAME-samples.json, the figures to NAME.md.
 *
 * `--quick` is a short run, `--ours` one without the reference, `--rounds 1` one with fewer rounds: their samples go to the system's
 * folder for temporary files.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { descendantsOf, kill } from '#test/support/processes.ts';
import type { Benchmark, BenchmarkOptions } from './report/benchmark.ts';
import { writeFigures } from './report/page.ts';

/** Loaded when asked for. */
const benchmarks: Readonly<Record<string, () => Promise<{ benchmark: Benchmark }>>> = {
  calls: () => import('./calls.ts'),
  interrupt: () => import('./interrupt.ts'),
  lists: () => import('./lists/lists.ts'),
  pickup: () => import('./pickup.ts'),
  recover: () => import('./recover.ts'),
  reply: () => import('./reply.ts'),
  soak: () => import('./soak/soak.ts'),
  webhook: () => import('./webhook/webhook.ts'),
};

const folder = join(import.meta.dirname, '../../docs/benchmarks');

const run = async (name: string | undefined, options: Omit<BenchmarkOptions, 'progress'>): Promise<number> => {
  const load = name === undefined ? undefined : benchmarks[name];
  if (name === undefined || load === undefined) {
    console.error(
      `Usage: npm run bench -- NAME [--quick] [--ours] [--rounds N], where NAME is one of: ${Object.keys(benchmarks).join(', ')}`,
    );
    return 1;
  }
  const { benchmark } = await load();
  const loadBefore = loadavg()[0];
  const { samples, ...result } = await benchmark({ ...options, progress: (line) => console.log(line) });
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
    loadBefore,
    date: new Date().toISOString(),
  };
  const counts = !options.quick && !options.onlyOurs && options.rounds === null;
  const samplesFolder = counts ? folder : tmpdir();
  await mkdir(samplesFolder, { recursive: true });
  await writeFile(join(samplesFolder, `${name}-samples.json`), `${JSON.stringify({ machine, result, samples })}\n`);
  if (counts) await writeFigures(join(folder, `${name}.md`), machine, result);
  console.log(JSON.stringify({ name, ...result }));
  return 0;
};

// Stopped in the middle, a benchmark leaves no servers and call processes behind.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    kill(descendantsOf(process.pid));
    process.kill(process.pid, signal);
  });

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, ours: { type: 'boolean' }, rounds: { type: 'string' } },
});
process.exitCode = await run(positionals[0], {
  quick: values.quick ?? false,
  onlyOurs: values.ours ?? false,
  rounds: values.rounds === undefined ? null : Number(values.rounds),
});
