/** Whether this machine has room for another call: memory, and an event loop that keeps up. */
import { performance } from 'node:perf_hooks';

export type Admission = Disposable &
  Readonly<{
    /** Why there is no room for another call; null: there is. */
    problem: () => string | null;
  }>;

/** `loopBusy`: the share of the last seconds in which the event loop had no rest, from 0 to 1. */
export type Load = Readonly<{ freeMemoryMb: number; loopBusy: number }>;

const windowMs = 2_000;
/** A loop that is always at work answers late: callers would wait. */
const mostBusy = 0.95;
/** A loop that stood still for so long had no rest, however idle it was before: who asked meanwhile has gone elsewhere. */
const stillMs = 1_000;

/** @param minFreeMemoryMb with less there is no room; 0: whatever is free */
export const openAdmission = (minFreeMemoryMb: number): Admission => {
  let before = performance.eventLoopUtilization();
  let lookedAt = performance.now();
  let loopBusy = 0;
  const stoodStill = (): boolean => performance.now() - lookedAt > windowMs + stillMs;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    loopBusy = stoodStill() ? 1 : performance.eventLoopUtilization(now, before).utilization;
    [before, lookedAt] = [now, performance.now()];
  }, windowMs).unref();
  const load = (): Load => ({
    freeMemoryMb: Math.round(process.availableMemory() / 1e6), // within the limits of a container, too
    loopBusy: stoodStill() ? 1 : loopBusy,
  });
  return {
    problem: () => problemOf(load(), minFreeMemoryMb),
    [Symbol.dispose]: () => clearInterval(timer),
  };
};

/** Why a machine with this load has no room for another call; null: it has. */
export const problemOf = ({ freeMemoryMb, loopBusy }: Load, minFreeMemoryMb: number): string | null => {
  if (freeMemoryMb < minFreeMemoryMb) return `${freeMemoryMb} MB of memory are free, ${minFreeMemoryMb} are needed`;
  return loopBusy > mostBusy ? `the event loop is busy for ${Math.round(loopBusy * 100)} % of the time` : null;
};
