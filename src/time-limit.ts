/** Waiting with a limit. */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Settles as `promise` does, unless that takes longer than `limitMs`.
 * @param late makes the error to reject with then
 */
export const withTimeLimit = async <T>(limitMs: number, promise: Promise<T>, late: () => Error): Promise<T> => {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => limit.reject(late()), limitMs);
  try {
    return await Promise.race([promise, limit.promise]);
  } finally {
    clearTimeout(timer);
  }
};

/** Waits for a promise, but no longer than `limitMs`. Whether it settled in time; rejects only as the promise does. */
export const atMost = async (limitMs: number, promise: Promise<unknown>): Promise<boolean> => {
  const limit = Promise.withResolvers<false>();
  const timer = setTimeout(() => limit.resolve(false), limitMs);
  try {
    return await Promise.race([promise.then(() => true), limit.promise]);
  } finally {
    clearTimeout(timer);
  }
};

/** Polls until `isDone`, at most for `limitMs`. Whether it was done in time. */
export const until = async (
  isDone: () => boolean | Promise<boolean>,
  { limitMs, everyMs = 100 }: Readonly<{ limitMs: number; everyMs?: number }>,
): Promise<boolean> => {
  for (const end = performance.now() + limitMs; ; await sleep(everyMs)) {
    if (await isDone()) return true;
    if (performance.now() > end) return false;
  }
};
