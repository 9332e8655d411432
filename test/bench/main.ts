/**
 * `npm run bench -- NAME`: one benchmark, beside its reference, in the same run on the same machine, in alternating rounds. The last
 * line is JSON: `{ name, ratio, ours, reference }`. The raw samples go to docs/benchmarks/NAME-samples.json.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Benchmark } from './benchmark.ts';

/** Loaded when asked for. */
const benchmarks: Readonly<Record<string, () => Promise<{ benchmark: Benchmark }>>> = {
  webhook: () => import('./webhook.ts'),
};

const folder = join(import.meta.dirname, '../../docs/benchmarks');

const run = async (name: string | undefined): Promise<number> => {
  const load = name === undefined ? undefined : benchmarks[name];
  if (name === undefined || load === undefined) {
    console.error(`Usage: npm run bench -- NAME, where NAME is one of: ${Object.keys(benchmarks).join(', ')}`);
    return 1;
  }
  const { benchmark } = await load();
  const { samples, ...result } = await benchmark({ progress: (line) => console.log(line) });
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
    date: new Date().toISOString(),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}-samples.json`), `${JSON.stringify({ machine, result, samples })}\n`);
  console.log(JSON.stringify({ name, ...result }));
  return 0;
};

process.exitCode = await run(process.argv[2]);
