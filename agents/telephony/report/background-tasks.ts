/** Work that runs alongside the conversation. Failures are reported, and the end of the call waits for it. */
import { describeError } from '#src/errors.ts';
import type { Log } from '#src/log.ts';
import { atMost } from '#src/time-limit.ts';

export type Tasks = {
  add: (name: string, work: () => Promise<unknown>) => void;
  /** Waits for all tasks, for at most `limitMs`. */
  settle: (limitMs: number) => Promise<void>;
};

/** Opens an empty set of tasks. Failures are logged and passed to `onFailure`. */
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
    settle: async (limitMs) => {
      await atMost(limitMs, Promise.all(running));
    },
  };
};
