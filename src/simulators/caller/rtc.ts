/* eslint-disable no-restricted-properties -- rtc-node reads NODE_ENV as it is loaded, and nothing else silences it. */
/**
 * rtc-node, loaded with the first call. Its native part belongs to the thread that uses it first: a second thread would take all
 * its callbacks away, so all callers of a process must live in one thread.
 */
import type * as RtcNode from '@livekit/rtc-node';

export type Rtc = typeof RtcNode;

/** Unless loaded in production, rtc-node writes debug logs to stdout. */
export const loadRtc = async (): Promise<Rtc> => {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  try {
    return await import('@livekit/rtc-node');
  } finally {
    if (before === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = before;
  }
};

/** Releases the native part for good, so that the process can exit. No call is possible afterwards. */
export const closeRtc = async (): Promise<void> => (await loadRtc()).dispose();

/** Milliseconds since the epoch, monotonic and finer than Date.now(). */
export const nowMs = (): number => performance.timeOrigin + performance.now();
