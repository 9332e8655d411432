/** Work that runs beside the conversation: none of it is left alone. */
import { describeError } from '#src/errors.ts';
import type { Log } from '#src/log.ts';

export type Tasks = {
  add: (name: string, work: () => Promise<unknown>) => void;
  /** Waits for all of it, at most `timeoutMs`. */
  settle: (timeoutMs: number) => Promise<void>;
};

/** Opens a set of tasks; a failing one is logged and told to `onFailure`. */
export const openTasks = (log: Log, onFailure: (detail: string) => void): Tasks => {
  const running = new Set<Promise<void>>();
  const run = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      log.error({ task: name, err: error }, 'task failed');
      onFailure(`${name}: ${describeError(error)}`);
    }
  };
  return {
    add: (name, work) => {
      const task: Promise<void> = run(name, work).finally(() => running.delete(task));
      running.add(task);
    },
    settle: (timeoutMs) => atMost(timeoutMs, Promise.all(running)),
  };
};

/** Waits for a promise that never rejects, but not longer than `timeoutMs`. */
export const atMost = async (timeoutMs: number, promise: Promise<unknown>): Promise<void> => {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, timeoutMs);
  await Promise.race([promise, late.promise]);
  clearTimeout(timer);
};
