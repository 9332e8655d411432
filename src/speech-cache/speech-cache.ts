/** Prepared speech on the disk: one file each, named by a hash of what it is; what is there is known without looking. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export type Shelf = Readonly<{
  /** Learns what is on the disk now, and removes what a crash left half written. Before the first time nothing is known. */
  look: (now: Date) => Promise<void>;
  /** The absolute path of a speech's file; null where it isn't there. Looks at nothing but memory. */
  pathOf: (identity: string) => string | null;
  /** Keeps a speech: wholly, or not at all. */
  put: (identity: string, pcm: Buffer, now: Date) => Promise<void>;
  /** Notes on the disk, once a day, that a speech is in use. */
  touch: (identity: string, now: Date) => Promise<void>;
  /** Removes what was not in use for `unusedMs`. Gives how many those were. */
  sweep: (unusedMs: number, now: Date) => Promise<number>;
}>;

const suffix = '.pcm';
const halfWritten = '.tmp';
/** Another process may be writing: what is older than this was left behind. */
const writingTakesMs = 3_600_000;
const touchEveryMs = 86_400_000;

/** Opens the shelf in a folder, which `put` makes where it is missing. */
export const openShelf = (folder: string): Shelf => {
  const home = resolve(folder);
  /** Name of the file → when its use was noted last, epoch ms. */
  const usedAt = new Map<string, number>();
  const nameOf = (identity: string): string => createHash('sha256').update(identity).digest('hex') + suffix;
  return {
    look: async (now) => {
      const names = await namesIn(home);
      const there = new Set(names);
      for (const name of usedAt.keys()) if (!there.has(name)) usedAt.delete(name);
      for (const name of names) if (!usedAt.has(name)) await learn(home, name, now, usedAt);
    },
    pathOf: (identity) => {
      const name = nameOf(identity);
      return usedAt.has(name) ? join(home, name) : null;
    },
    put: async (identity, pcm, now) => {
      const name = nameOf(identity);
      await mkdir(home, { recursive: true });
      await writeWhole(join(home, name), pcm);
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

const learn = async (folder: string, name: string, now: Date, usedAt: Map<string, number>): Promise<void> => {
  if (!name.endsWith(suffix) && !name.endsWith(halfWritten)) return;
  const path = join(folder, name);
  const { size, mtimeMs } = await stat(path);
  if (name.endsWith(suffix) && size > 0 && size % 2 === 0) usedAt.set(name, mtimeMs);
  else if (now.getTime() - mtimeMs > writingTakesMs) await rm(path, { force: true });
};

/** Under its name there is never a part of a file, whatever happens meanwhile. */
const writeWhole = async (path: string, bytes: Buffer): Promise<void> => {
  const draft = `${path}.${randomUUID()}${halfWritten}`;
  try {
    const file = await open(draft, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
};

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
