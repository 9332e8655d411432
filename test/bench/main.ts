/**
 * `npm run bench -- NAME [--quick] [--ours]`: one benchmark, beside its reference, in the same run on the same machine, in alternating
 * rounds. The last line is JSON: `{ name, ratio, ours, reference }`. The raw samples go to docs/benchmarks/NAME-samples.json, the figures to NAME.md,
 * those of a quick or one-sided run to the system's folder for temporary files.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark } from './benchmark.ts';
import { writeFigures } from './page.ts';

/** Loaded when asked for. */
const benchmarks: Readonly<Record<string, () => Promise<{ benchmark: Benchmark }>>> = {
  calls: () => import('./calls.ts'),
  interrupt: () => import('./interrupt.ts'),
  lists: () => import('./lists.ts'),
  pickup: () => import('./pickup.ts'),
  reply: () => import('./reply.ts'),
  webhook: () => import('./webhook.ts'),
};

const folder = join(import.meta.dirname, '../../docs/benchmarks');

const run = async (name: string | undefined, options: { quick: boolean; onlyOurs: boolean }): Promise<number> => {
  const load = name === undefined ? undefined : benchmarks[name];
  if (name === undefined || load === undefined) {
    console.error(
      `Usage: npm run bench -- NAME [--quick] [--ours], where NAME is one of: ${Object.keys(benchmarks).join(', ')}`,
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
  const counts = !options.quick && !options.onlyOurs;
  const samplesFolder = counts ? folder : tmpdir();
  await mkdir(samplesFolder, { recursive: true });
  await writeFile(join(samplesFolder, `${name}-samples.json`), `${JSON.stringify({ machine, result, samples })}\n`);
  if (counts) await writeFigures(join(folder, `${name}.md`), machine, result);
  console.log(JSON.stringify({ name, ...result }));
  return 0;
};

const given = process.argv.slice(2);
process.exitCode = await run(
  given.find((one) => !one.startsWith('--')),
  { quick: given.includes('--quick'), onlyOurs: given.includes('--ours') },
);
