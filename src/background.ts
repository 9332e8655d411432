/** Work that nobody waits for: it has a name, its failure is logged, and closing waits for it. */
import { describeError } from './errors.ts';
import type { Log } from './log.ts';

export type Background = Readonly<{
  /** Starts a task. */
  add: (name: string, task: () => Promise<void>) => void;
  /** Runs a task again and again, `everyMs` after its last end, until closed. A failure is logged, and the next run comes. */
  every: (name: string, everyMs: number, task: () => Promise<void>) => void;
  [Symbol.asyncDispose]: () => Promise<void>;
}>;

export const openBackground = (log: Log): Background => {
  const running = new Set<Promise<void>>();
  const timers = new Set<NodeJS.Timeout>();
  let isClosed = false;
  const run = (name: string, task: () => Promise<void>): Promise<void> => {
    const done = task()
      .catch((error: unknown) => log.error({ task: name, error: describeError(error) }, 'background task failed'))
      .finally(() => running.delete(done));
    running.add(done);
    return done;
  };
  const schedule = (name: string, everyMs: number, task: () => Promise<void>): void => {
    if (isClosed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      void run(name, task).then(() => schedule(name, everyMs, task));
    }, everyMs);
    timers.add(timer);
  };
  return {
    add: (name, task) => void run(name, task),
    every: schedule,
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
      while (running.size > 0) await Promise.all(running);
    },
  };
};
