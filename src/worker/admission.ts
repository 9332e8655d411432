/** Whether this machine can take another call: enough free memory, and an event loop that keeps up. */
import { performance } from 'node:perf_hooks';

export type Admission = Disposable &
  Readonly<{
    /** Why no further call can be taken; null: there is room. */
    problem: () => string | null;
  }>;

/** `loopBusy`: the event loop's utilization over the last seconds, from 0 to 1. */
type Load = Readonly<{ freeMemoryMb: number; loopBusy: number }>;

const windowMs = 2_000;
/** A loop that is never idle answers late, and callers would wait. */
const maxLoopBusy = 0.95;
/** A loop that was blocked this long counts as busy, however idle it was before. */
const blockedMs = 1_000;

/**
 * Respects the limits of a container. macOS reports only unused pages, not the memory that it would reclaim, so the limit would
 * refuse calls on an idle machine: it doesn't apply there.
 */
const freeMemoryMb = (): number =>
  process.platform === 'darwin' ? Infinity : Math.round(process.availableMemory() / 1e6);

/** @param minFreeMemoryMb with less, no call is taken; 0: no limit */
export const openAdmission = (minFreeMemoryMb: number): Admission => {
  let before = performance.eventLoopUtilization();
  let sampledAt = performance.now();
  let loopBusy = 0;
  const wasBlocked = (): boolean => performance.now() - sampledAt > windowMs + blockedMs;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    loopBusy = wasBlocked() ? 1 : performance.eventLoopUtilization(now, before).utilization;
    [before, sampledAt] = [now, performance.now()];
  }, windowMs).unref();
  const load = (): Load => ({
    freeMemoryMb: freeMemoryMb(),
    loopBusy: wasBlocked() ? 1 : loopBusy,
  });
  return {
    problem: () => problemOf(load(), minFreeMemoryMb),
    [Symbol.dispose]: () => clearInterval(timer),
  };
};

/** Why a machine under this load can't take another call; null: it can. */
export const problemOf = ({ freeMemoryMb, loopBusy }: Load, minFreeMemoryMb: number): string | null => {
  if (freeMemoryMb < minFreeMemoryMb) return `only ${freeMemoryMb} MB of memory free, ${minFreeMemoryMb} MB required`;
  return loopBusy > maxLoopBusy ? `event loop ${Math.round(loopBusy * 100)} % busy` : null;
};
