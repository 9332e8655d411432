/** Tells which pages have figures of an older source: each names a hash of the files that its benchmark measures. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { git } from './machine.ts';
import { markStale, measuredOf } from './page.ts';

const root = join(import.meta.dirname, '../../..');
/** Generated on each machine, from files that are hashed themselves. */
const generated = 'src/database/generated';

const filesOf = async (path: string): Promise<string[]> => {
  const { isDirectory } = await stat(join(root, path)).then(
    (found) => ({ isDirectory: found.isDirectory() }),
    (): { isDirectory: null } => ({ isDirectory: null }), // a path that is gone has no files
  );
  if (isDirectory === null) return [];
  if (!isDirectory) return [path];
  const entries = await readdir(join(root, path), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((file) => !file.startsWith(generated));
};

/** A hash of all files under these paths, of their names and contents. It needs no repository. */
export const hashSources = async (paths: readonly string[]): Promise<string> => {
  const files = (await Promise.all(paths.map(filesOf))).flat();
  const hash = createHash('sha256');
  for (const file of [...new Set(files)].sort()) hash.update(`${file}\0`).update(await readFile(join(root, file)));
  return hash.digest('hex').slice(0, 16);
};

const changedSince = async (commit: string, paths: readonly string[]): Promise<string> => {
  const changed = (await git('diff', '--name-only', commit, '--', ...paths))?.split('\n').filter(Boolean) ?? [];
  if (changed.length === 0) return `something it measures changed since ${commit}`; // also in a clone without that commit
  const more = changed.length > 1 ? ` and ${changed.length - 1} more` : '';
  return `${changed[0] ?? ''}${more} changed since ${commit}`;
};

/**
 * Checks one page, and marks it, or removes its mark, unless `mayWrite` is false.
 * @returns a line about a stale page; null for one that is up to date, or has no figures
 */
export const checkPage = async (page: string, paths: readonly string[], mayWrite: boolean): Promise<string | null> => {
  const content = await readFile(page, 'utf8');
  const measured = measuredOf(content);
  const isStale = measured === null || measured.sources !== (await hashSources(paths));
  const marked = markStale(content, isStale);
  if (mayWrite && marked !== content) await writeFile(page, marked);
  if (!isStale) return null;
  const why = measured === null ? 'its figures name no commit' : await changedSince(measured.commit, paths);
  return `stale: ${relative(root, page)} (${why})`;
};
