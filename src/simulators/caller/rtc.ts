/* eslint-disable no-restricted-properties -- rtc-node reads NODE_ENV while it is loaded, and nothing else makes it quiet. */
/**
 * rtc-node, loaded when somebody phones. Its native part has one owner per process: the thread that uses it first. A second
 * thread that used it would take every callback away from the first, so callers live in one thread, and that one only.
 */
import type * as RtcNode from '@livekit/rtc-node';

export type Rtc = typeof RtcNode;

/** rtc-node logs its debugging to stdout unless it is loaded in production. */
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

/** Lets go of the native part, for good: without it a process that once phoned never exits by itself, after it none can phone. */
export const closeRtc = async (): Promise<void> => (await loadRtc()).dispose();

/** Milliseconds since the epoch, never going back, finer than Date.now(). */
export const nowMs = (): number => performance.timeOrigin + performance.now();
