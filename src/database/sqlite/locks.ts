/** Waiting for another process's lock on an SQLite file without blocking the event loop, as SQLite's own waiting does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDriverAdapterError } from '@prisma/driver-adapter-utils';

/** How long SQLite itself may wait for a lock, blocking the event loop, before we wait asynchronously. */
export const blockingWaitMs = 50;

/** Whether SQLite refused because another connection has the file locked. */
const isLocked = (error: unknown): boolean => isDriverAdapterError(error) && error.cause.kind === 'SocketTimeout';

/**
 * Repeats `attempt`, with growing pauses, while another connection has the file locked.
 * @param deadline on the clock of `performance.now()`; the first attempt after it is the last, and its error is thrown
 */
export const retryLocked = async <T>(attempt: () => Promise<T>, deadline: number): Promise<T> => {
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 250)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isLocked(error) || performance.now() >= deadline) throw error;
    }
    await sleep(pauseMs * (0.5 + Math.random() / 2));
  }
};
