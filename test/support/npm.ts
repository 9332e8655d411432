/** npm commands as a person runs them: as separate processes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Env } from '#src/local/dev-stack.ts';
import { descendantsOf, listProcesses } from './processes.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export type Started = Readonly<{
  child: ChildProcess;
  /** Everything it has printed so far. */
  output: () => string;
  /** Its exit code, or null when a signal ended it. */
  exited: Promise<number | null>;
  /** Records the processes that it has now, and returns all that were ever seen. */
  family: () => number[];
}>;

/** Runs npm; whatever it started is killed when the test ends. */
export const npm = (args: string[], env: Env, options: { detached?: boolean } = {}): Started => {
  const child = spawn('npm', args, { cwd: root, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const seen = new Set<number>();
  const look = (): number[] => {
    for (const { pid } of descendantsOf(child.pid ?? -1)) seen.add(pid);
    return [...seen];
  };
  const timer = setInterval(look, 250);
  const exited = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null);
  onTestFinished(() => {
    clearInterval(timer);
    for (const pid of running(look())) process.kill(pid, 'SIGKILL');
    child.kill('SIGKILL');
  });
  return { child, output: () => output, exited, family: look };
};

const running = (pids: readonly number[]): number[] => {
  const alive = new Set(listProcesses().map(({ pid }) => pid));
  return pids.filter((pid) => alive.has(pid));
};

/** The processes that still run; the last of them get two seconds to end. */
export const survivorsOf = async ({ family }: Started): Promise<number[]> => {
  for (let tries = 0; tries < 20 && running(family()).length > 0; tries++) await sleep(100);
  return running(family());
};
