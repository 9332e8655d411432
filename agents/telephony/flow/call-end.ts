/**
 * How a call ends: exactly once, for the first reason that began it.
 *
 * Glossary
 *   begin    a polite end is under way (a goodbye is being said): from now on this is the reason, whatever cuts it short
 *   finish   it is over
 */
import type { AgentEndReason } from '#src/protocol/messages.ts';

/** `at`: epoch ms, when the caller left or our last word was heard. */
export type CallEnding = { reason: AgentEndReason; at: number };

export type CallEnd = {
  /** Settles with the end; never rejects. */
  done: Promise<CallEnding>;
  /** Takes the end for a polite one; false when another one began already. */
  begin: (reason: AgentEndReason) => boolean;
  /** Ends the call now, unless it has ended. */
  finish: (reason: AgentEndReason) => void;
  /** Whether an end has begun or come. */
  readonly begun: boolean;
};

/** Opens the end of one call. */
export const openCallEnd = (): CallEnd => {
  const { promise, resolve } = Promise.withResolvers<CallEnding>();
  let first: AgentEndReason | null = null;
  return {
    done: promise,
    begin: (reason) => {
      if (first !== null) return false;
      first = reason;
      return true;
    },
    finish: (reason) => {
      first ??= reason;
      resolve({ reason: first, at: Date.now() });
    },
    get begun() {
      return first !== null;
    },
  };
};
