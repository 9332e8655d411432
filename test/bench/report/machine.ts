/** The machine and the source that figures belong to. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { round } from './statistics.ts';

export type Machine = Readonly<{
  cpu: string;
  cores: number;
  node: string;
  /** Cores in use during the seconds before the start. */
  loadBefore: number;
  date: string;
  /** Null: there is no repository. */
  commit: string | null;
  /** Whether files differed from that commit, or there were new ones; the pages of other benchmarks don't count. */
  dirty: boolean;
}>;

const root = new URL('../../..', import.meta.url).pathname;

/** What git answers; null where it can't: no repository, or no such commit. */
export const git = async (...args: readonly string[]): Promise<string | null> => {
  try {
    return (await promisify(execFile)('git', [...args], { cwd: root })).stdout.trim();
  } catch {
    return null;
  }
};

const calmLoad = 0.3;
const windowMs = 10_000;
const calmWithinMs = 90_000;

/** Of /proc/stat, in ticks: all of the cores' time, and what they spent idle. */
const cpuTicks = async (): Promise<{ all: number; idle: number }> => {
  const fields = (await readFile('/proc/stat', 'utf8')).split('\n')[0]?.split(/\s+/).slice(1, 9).map(Number) ?? [];
  return { all: fields.reduce((sum, ticks) => sum + ticks, 0), idle: (fields[3] ?? 0) + (fields[4] ?? 0) };
};

const coresInUse = async (): Promise<number> => {
  const before = await cpuTicks();
  await sleep(windowMs);
  const after = await cpuTicks();
  const share = 1 - (after.idle - before.idle) / (after.all - before.all);
  return round(share * cpus().length);
};

/**
 * The cores in use now. Waits for what is still ending: the one-minute average would go on counting it.
 * @param mustBeCalm false: doesn't wait
 */
export const loadNow = async (mustBeCalm: boolean, progress: (line: string) => void): Promise<number> => {
  const limit = Date.now() + calmWithinMs;
  for (;;) {
    const load = await coresInUse();
    if (!mustBeCalm || isCalm(load) || Date.now() > limit) return load;
    progress(`Waiting for the machine to be idle: ${load} cores are in use.`);
  }
};

export const isCalm = (load: number): boolean => load <= calmLoad;

/** The machine and the commit, for every result. */
export const describeMachine = async (loadBefore: number): Promise<Machine> => ({
  cpu: cpus()[0]?.model ?? 'unknown CPU',
  cores: cpus().length,
  node: process.version,
  loadBefore,
  date: new Date().toISOString(),
  commit: await git('rev-parse', '--short=12', 'HEAD'),
  dirty: ((await git('status', '--porcelain', '--', '.', ':!docs/benchmarks')) ?? '') !== '',
});
