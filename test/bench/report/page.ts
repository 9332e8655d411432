/** A benchmark's page: what is measured, written by hand, and between two marks the figures of the last run, written by it. */
import { readFile, writeFile } from 'node:fs/promises';

const begin = '<!-- figures -->';
const end = '<!-- /figures -->';

type Machine = Readonly<{
  cpu: string | undefined;
  cores: number;
  node: string;
  loadBefore: number | undefined;
  date: string;
}>;

/** JSON whose innermost objects take one line each. */
const compact = (value: object): string =>
  JSON.stringify(value, null, 2).replaceAll(/\{[^{}[\]]*\}/g, (inner) => inner.replaceAll(/\s*\n\s*/g, ' '));

/** Puts a run's figures between the marks of a page; nothing where there is no such page. @throws where its marks are missing */
export const writeFigures = async (path: string, machine: Machine, result: object): Promise<void> => {
  const page = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (page === null) return;
  const [before, after] = [page.indexOf(begin), page.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`${path} has no ${begin} … ${end}`);
  const { cpu = 'unknown CPU', cores, node, loadBefore = 0, date } = machine;
  const facts = `${date.slice(0, 16).replace('T', ' ')} UTC, ${cores} × ${cpu}, Node ${node}, load before: ${loadBefore.toFixed(1)}.`;
  const figures = `${begin}\n\n${facts}\n\n\`\`\`json\n${compact(result)}\n\`\`\`\n\n`;
  await writeFile(path, page.slice(0, before) + figures + page.slice(after));
};
