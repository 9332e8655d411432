/** Waiting until it is time to send. */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until `atMs` on the clock of `performance.now()`; returns immediately if that has passed.
 * @throws AbortError when the signal fires
 */
export const waitUntil = async (atMs: number, signal: AbortSignal): Promise<void> => {
  signal.throwIfAborted();
  const ms = atMs - performance.now();
  if (ms > 0) await sleep(ms, undefined, { signal });
};

/**
 * Never returns.
 * @throws AbortError when the signal fires
 */
export const hang = async (signal: AbortSignal): Promise<never> => {
  signal.throwIfAborted();
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
};
