/** Tasks that nothing awaits: each has a name, its failure is logged, and closing waits for it. */
import { describeError } from './errors.ts';
import type { Log } from './log.ts';

export type Background = Readonly<{
  /** Starts a task. */
  add: (name: string, task: () => Promise<void>) => void;
  /**
   * Runs a task repeatedly until closed: first after `firstMs`, then `everyMs` after each run ended. A failure is logged and
   * doesn't stop the repetition. Closing aborts the signal.
   */
  every: (name: string, everyMs: number, task: (signal: AbortSignal) => Promise<void>, firstMs?: number) => void;
  [Symbol.asyncDispose]: () => Promise<void>;
}>;

export const openBackground = (log: Log): Background => {
  const running = new Set<Promise<void>>();
  const timers = new Set<NodeJS.Timeout>();
  const closing = new AbortController();
  const run = (name: string, task: () => Promise<void>): Promise<void> => {
    const done = task()
      .catch((error: unknown) => log.error({ task: name, err: describeError(error) }, 'background task failed'))
      .finally(() => running.delete(done));
    running.add(done);
    return done;
  };
  const schedule: Background['every'] = (name, everyMs, task, firstMs = everyMs) => {
    if (closing.signal.aborted) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      void run(name, () => task(closing.signal)).then(() => schedule(name, everyMs, task));
    }, firstMs);
    timers.add(timer);
  };
  return {
    add: (name, task) => void run(name, task),
    every: schedule,
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      for (const timer of timers) clearTimeout(timer);
      while (running.size > 0) await Promise.all(running);
    },
  };
};
