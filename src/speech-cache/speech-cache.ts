/** Synthesized speech on disk: one file each, named by a hash of its identity. Lookups read only memory. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export type SpeechCache = Readonly<{
  /** Reads which files are on disk, and removes those that a crash left half written. Before the first scan the cache is empty. */
  scan: (now: Date) => Promise<void>;
  /** The absolute path of a speech's file; null if it isn't cached. */
  pathOf: (identity: string) => string | null;
  /** Stores a speech: completely or not at all. */
  put: (identity: string, pcm: Buffer, now: Date) => Promise<void>;
  /** Records on disk, at most once a day, that a speech is in use. */
  touch: (identity: string, now: Date) => Promise<void>;
  /** Removes what has not been used for `unusedMs`, and returns how many files that were. */
  sweep: (unusedMs: number, now: Date) => Promise<number>;
}>;

const suffix = '.pcm';
const temporarySuffix = '.tmp';
/** Another process may still be writing a temporary file; an older one was left by a crash. */
const maxWriteMs = 3_600_000;
const touchEveryMs = 86_400_000;

/** Opens the cache in a folder, which `put` creates if it is missing. */
export const openSpeechCache = (folder: string): SpeechCache => {
  const home = resolve(folder);
  /** File name → when it was last recorded as used, in epoch ms. */
  const usedAt = new Map<string, number>();
  const nameOf = (identity: string): string => createHash('sha256').update(identity).digest('hex') + suffix;
  return {
    scan: async (now) => {
      const names = await namesIn(home);
      const present = new Set(names);
      for (const name of usedAt.keys()) if (!present.has(name)) usedAt.delete(name);
      for (const name of names) if (!usedAt.has(name)) await addFile(home, name, now, usedAt);
    },
    pathOf: (identity) => {
      const name = nameOf(identity);
      return usedAt.has(name) ? join(home, name) : null;
    },
    put: async (identity, pcm, now) => {
      const name = nameOf(identity);
      await mkdir(home, { recursive: true });
      await writeAtomically(join(home, name), pcm);
      usedAt.set(name, now.getTime());
    },
    touch: async (identity, now) => {
      const name = nameOf(identity);
      const last = usedAt.get(name);
      if (last === undefined || now.getTime() - last < touchEveryMs) return;
      await utimes(join(home, name), now, now);
      usedAt.set(name, now.getTime());
    },
    sweep: async (unusedMs, now) => {
      const unused = [...usedAt].filter(([, at]) => now.getTime() - at > unusedMs);
      for (const [name] of unused) {
        usedAt.delete(name);
        await rm(join(home, name), { force: true });
      }
      return unused.length;
    },
  };
};

const namesIn = async (folder: string): Promise<string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
};

const addFile = async (folder: string, name: string, now: Date, usedAt: Map<string, number>): Promise<void> => {
  if (!name.endsWith(suffix) && !name.endsWith(temporarySuffix)) return;
  const path = join(folder, name);
  const { size, mtimeMs } = await stat(path);
  if (name.endsWith(suffix) && size > 0 && size % 2 === 0) usedAt.set(name, mtimeMs);
  else if (now.getTime() - mtimeMs > maxWriteMs) await rm(path, { force: true });
};

/** A file under its final name is always complete, whatever happens meanwhile. */
const writeAtomically = async (path: string, bytes: Buffer): Promise<void> => {
  const temporary = `${path}.${randomUUID()}${temporarySuffix}`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
};

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
