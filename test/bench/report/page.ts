/**
 * A benchmark's page: what is measured, written by hand; the figures of the last run between two marks; and a line that says when they
 * are of an older source than the tree's.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import type { BenchmarkResult, Target } from './benchmark.ts';
import type { Machine } from './machine.ts';

const begin = '<!-- figures -->';
const end = '<!-- /figures -->';
const staleLine = /^> \*\*Stale\.\*\* .*\n\n?/m;
const sourcesComment = /<!-- measured: (\S+) sources: (\S+) -->/;

/** What a page says of the source that its figures belong to; `commit` is `unknown` where there was no repository. */
export type Measured = Readonly<{ commit: string; sources: string }>;

/** Null on a page whose figures are older than this record. */
export const measuredOf = (page: string): Measured | null => {
  const [, commit, sources] = sourcesComment.exec(page) ?? [];
  return commit === undefined || sources === undefined ? null : { commit, sources };
};

/** The page with a line that calls its figures stale, or without that line. */
export const markStale = (page: string, isStale: boolean): string => {
  const unmarked = page.replace(staleLine, '');
  const commit = measuredOf(page)?.commit;
  const of = commit === undefined || commit === 'unknown' ? '' : ` at \`${commit}\``;
  const line = `> **Stale.** What this benchmark measures has changed since these figures were taken${of}.`;
  return isStale ? unmarked.replace(begin, `${line}\n\n${begin}`) : unmarked;
};

/** JSON whose innermost objects take one line each. */
const compact = (value: object): string =>
  JSON.stringify(value, null, 2).replaceAll(/\{[^{}]*\}/g, (inner) => inner.replaceAll(/\s*\n\s*/g, ' '));

const targetLine = ({ name, value, met }: Target): string =>
  `| ${name} | ${value ?? 'not measured'} | ${met ? 'met' : '**missed**'} |`;

const targetTable = (targets: readonly Target[]): string =>
  targets.length === 0
    ? ''
    : ['| target | measured | |', '| --- | --- | --- |', ...targets.map(targetLine), '', ''].join('\n');

const factsOf = ({ cpu, cores, node, loadBefore, date, commit, dirty }: Machine): string => {
  const source = commit === null ? 'no repository' : `commit \`${commit}\`${dirty ? ' with uncommitted changes' : ''}`;
  return `${date.slice(0, 16).replace('T', ' ')} UTC, ${source}, ${cores} × ${cpu}, Node ${node}, load before: ${loadBefore}.`;
};

/** Puts a run's figures between the marks of a page; nothing where there is no such page. @throws where its marks are missing */
export const writeFigures = async (
  path: string,
  machine: Machine,
  result: Omit<BenchmarkResult, 'samples'>,
  sources: string,
): Promise<void> => {
  const page = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (page === null) return;
  const fresh = markStale(page, false);
  const [before, after] = [fresh.indexOf(begin), fresh.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`${path} has no ${begin} … ${end}`);
  const { ratio, ours, reference, targets } = result;
  const record = `<!-- measured: ${machine.commit ?? 'unknown'} sources: ${sources} -->`;
  const json = compact({ ratio, ours, reference });
  const figures = [begin, record, '', factsOf(machine), '', `${targetTable(targets)}\`\`\`json`, json, '```', '', ''];
  const written = fresh.slice(0, before) + figures.join('\n') + fresh.slice(after);
  await writeFile(path, await format(written, { ...(await resolveConfig(import.meta.filename)), parser: 'markdown' }));
};
