/**
 * A part of `npm run check`: a line for every benchmark page whose figures are of an older source, which is marked as stale in the page,
 * too. That is no failure: figures are taken again when they matter, not after each commit. In CI nothing is written.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { benchmarks } from '../benchmarks.ts';
import { checkPage } from './stale.ts';

const folder = join(import.meta.dirname, '../../../docs/benchmarks');

for (const [name, { measures }] of Object.entries(benchmarks)) {
  const page = join(folder, `${name}.md`);
  if (!existsSync(page)) throw new Error(`The benchmark ${name} has no page: ${page}`);
  const line = await checkPage(page, measures, process.env['CI'] === undefined);
  if (line !== null) console.log(line);
}
