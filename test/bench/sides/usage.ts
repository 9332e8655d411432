/** The CPU time and memory of a family of processes, as Linux reports them. */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { descendantsOf } from '#test/support/processes.ts';

/** `USER_HZ`, the same on every Linux. */
const ticksPerSecond = 100;

const orGone = (error: NodeJS.ErrnoException): null => {
  if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
  throw error;
};

/** Includes its children that have ended. */
const cpuSecondsOf = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(orGone);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
};

/** The memory of one process in MB: all of it, or only what no file backs; 0 once it is gone. */
export const pssMbOf = async (pid: number, field: 'Pss' | 'Pss_Anon' = 'Pss'): Promise<number> => {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(orGone);
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(rollup ?? '')?.[1] ?? 0) / 1024;
};

const sumOf = async (pid: number, measure: (pid: number) => Promise<number>): Promise<number> => {
  const family = [pid, ...descendantsOf(pid).map((one) => one.pid)];
  return (await Promise.all(family.map((one) => measure(one)))).reduce((sum, value) => sum + value, 0);
};

/** Seconds of CPU that a process and its descendants have used so far. */
export const cpuSeconds = (pid: number): Promise<number> => sumOf(pid, cpuSecondsOf);

/** Their memory in MB; what they share counts once. */
export const pssMb = (pid: number): Promise<number> => sumOf(pid, pssMbOf);

/**
 * Leaves the last core to the side that is measured: this process, and all that it starts from now on, keep to the others.
 * @returns the number of that core
 * @throws where there is only one core, or no `taskset`
 */
export const leaveOneCore = (): number => {
  const last = availableParallelism() - 1;
  if (last < 1)
    throw new Error('this benchmark needs two cores: one for the side that is measured, one for everything else');
  execFileSync('taskset', ['-acp', `0-${last - 1}`, String(process.pid)], { stdio: 'ignore' });
  return last;
};

/** Seconds that one core has been busy, and that have passed, since the machine started. */
const coreSeconds = async (core: number): Promise<{ busy: number; all: number }> => {
  const line = (await readFile('/proc/stat', 'utf8')).split('\n').find((one) => one.startsWith(`cpu${core} `));
  const ticks = line?.split(/\s+/).slice(1, 9).map(Number) ?? [];
  const all = ticks.reduce((sum, one) => sum + one, 0) / ticksPerSecond;
  return { all, busy: all - ((ticks[3] ?? 0) + (ticks[4] ?? 0)) / ticksPerSecond };
};

/** The busiest core's load, from 0 to 1, without `except`, while something happens. */
export const otherCoresLoad = async (except: number, during: Promise<unknown>): Promise<number> => {
  const others = Array.from({ length: availableParallelism() + 1 }, (_, core) => core).filter(
    (core) => core !== except,
  );
  const before = await Promise.all(others.map(coreSeconds));
  await during;
  const after = await Promise.all(others.map(coreSeconds));
  const loads = after.map(({ busy, all }, index) => {
    const [busyBefore, allBefore] = [before[index]?.busy ?? 0, before[index]?.all ?? 0];
    return all > allBefore ? (busy - busyBefore) / (all - allBefore) : 0;
  });
  return Math.max(...loads);
};
