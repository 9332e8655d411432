/**
 * Leftover processes: what a test run (or one test) started and did not stop.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RunningProcess {
  pid: number;
  parentPid: number;
  /** When it started, as the system says it: together with the pid it identifies a process, since pids are reused. */
  started: string;
  command: string;
}

/** A process as Linux describes it; null when it is gone or a zombie. */
const readProc = (pid: string): RunningProcess | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parentPid, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return null;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid: Number(pid), parentPid: Number(parentPid), started: rest[17] ?? '', command };
  } catch {
    return null; // it ended while we read
  }
};

const readPs = (): RunningProcess[] => {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,lstart=,command='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.{24})\s+(.*)$/.exec(line);
    if (!match || match[3]?.startsWith('Z')) return [];
    const [, pid, parentPid, , started = '', command = ''] = match;
    return [{ pid: Number(pid), parentPid: Number(parentPid), started, command }];
  });
};

/** Every process on this machine that is visible to us. */
export const listProcesses = (): RunningProcess[] => {
  if (process.platform !== 'linux') return process.platform === 'win32' ? [] : readPs();
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readProc(name) ?? []) : []));
};

/** The processes below `ancestor`, at any depth. */
export const descendantsOf = (ancestor: number, processes = listProcesses()): RunningProcess[] => {
  const family = new Set([ancestor]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { pid, parentPid } of processes) if (family.has(parentPid)) family.add(pid);
  }
  family.delete(ancestor);
  return processes.filter(({ pid }) => family.has(pid));
};

/** The processes with this entry in their environment (Linux only). Children inherit it, even when detached from their parents. */
export const processesWithEnvironment = (text: string, processes = listProcesses()): RunningProcess[] => {
  return processes.filter(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(text);
    } catch {
      return false; // not ours to read, or gone
    }
  });
};

const keyOf = ({ pid, started }: RunningProcess) => `${pid} ${started}`;

/**
 * Watches what this process starts. A process detached from its parent is still found by the mark in its environment, or because
 * it was seen before.
 * @param pollMs how often to list processes; those that start and end in between don't matter
 */
export const watchDescendants = (pollMs = 500) => {
  const mark = `TELEPHONY_AGENT_TEST_RUN=${process.pid}-${Date.now()}`;
  const [name = '', value = ''] = mark.split('=');
  process.env[name] = value;
  const before = new Set(descendantsOf(process.pid).map(keyOf));
  const seen = new Set<string>();
  const list = () => {
    const now = listProcesses();
    for (const child of descendantsOf(process.pid, now)) seen.add(keyOf(child));
    return now;
  };
  const timer = setInterval(list, pollMs);
  timer.unref();

  const running = () => {
    const now = list();
    const marked = new Set(processesWithEnvironment(mark, now).map(({ pid }) => pid));
    return now.filter(
      (one) => one.pid !== process.pid && !before.has(keyOf(one)) && (seen.has(keyOf(one)) || marked.has(one.pid)),
    );
  };

  return {
    /** The processes that still run after `graceMs`; returns as soon as none do. */
    async leftovers(graceMs: number): Promise<RunningProcess[]> {
      const deadline = Date.now() + graceMs;
      while (running().length > 0 && Date.now() < deadline) await sleep(50);
      return running();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      delete process.env[name];
    },
  };
};

/** Kills processes. */
export const kill = (processes: readonly RunningProcess[]): void => {
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it ended by itself
    }
  }
};
