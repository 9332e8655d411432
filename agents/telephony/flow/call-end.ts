/**
 * How a call ends: exactly once, with the first reason given.
 *
 * Glossary
 *   begin    a goodbye is being said: this is now the reason, even if something else cuts the goodbye short
 *   finish   the call is over
 */
import type { AgentEndReason } from '#src/protocol/messages.ts';

/** `at`: when the caller left or heard the agent's last word, in epoch ms. */
export type CallEnding = { reason: AgentEndReason; at: number };

export type CallEnd = {
  /** Resolves when the call is over; never rejects. */
  done: Promise<CallEnding>;
  /** Begins a polite end. False if an end has already begun. */
  begin: (reason: AgentEndReason) => boolean;
  /** Ends the call now, unless it is over. */
  finish: (reason: AgentEndReason) => void;
  /** Whether an end has begun, or the call is over. */
  readonly begun: boolean;
};

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
