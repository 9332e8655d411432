/**
 * What to do about silence: after the agent's last word the caller has the floor. When nothing comes, the agent asks whether
 * somebody is there, and in the end says goodbye.
 *
 * Glossary
 *   the floor   whose turn it is: the clock runs only while it is the caller's and they are silent
 *   ask         "Are you still there?": does not start the clock again
 *   hold        the caller asked to wait: the first ask comes later, and all that follows with it
 */
import type { CallJob } from '#src/protocol/job.ts';

export type SilenceLimits = Pick<CallJob['limits'], 'noInputPromptMs' | 'noInputGoodbyeMs' | 'waitRequestMs'>;

export type Silence = Disposable & {
  /** The agent thinks, speaks or runs a tool: the clock stands. Its asks don't count. */
  agentBusy: () => void;
  /** The agent's last word was heard: the clock starts. */
  agentDone: () => void;
  callerSpeaks: () => void;
  callerSilent: () => void;
  /** What the caller said, once it was understood: whether they asked to wait. */
  callerSaid: (wait: boolean) => void;
};

export type SilenceActions = { ask: () => void; goodbye: () => void };

/** Opens the clock; it does not run before `agentDone`. `goodbye` is called at most once. */
export const openSilence = (limits: SilenceLimits, actions: SilenceActions): Silence => {
  const state = { busy: true, speaking: false, hold: false, over: false, asks: 0, since: 0 };
  let timer: NodeJS.Timeout | undefined;
  const arm = () => {
    clearTimeout(timer);
    if (state.busy || state.speaking || state.over) return;
    const due = dueAt(limits, state.asks, state.hold);
    timer = setTimeout(() => act(due.kind), Math.max(0, state.since + due.afterMs - Date.now()));
  };
  const act = (kind: 'ask' | 'goodbye') => {
    if (kind === 'ask') state.asks += 1;
    else state.over = true;
    arm();
    actions[kind]();
  };
  const restart = (change: { busy?: boolean; speaking?: boolean }) => {
    Object.assign(state, change, { asks: 0, since: Date.now() });
    arm();
  };
  return {
    agentBusy: () => restart({ busy: true }),
    agentDone: () => restart({ busy: false }),
    callerSpeaks: () => restart({ speaking: true }),
    callerSilent: () => restart({ speaking: false }),
    callerSaid: (wait) => {
      state.hold = wait;
      arm();
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
};

/** What comes next after so many asks, in ms since the agent's last word. */
export const dueAt = (
  limits: SilenceLimits,
  asks: number,
  hold: boolean,
): { kind: 'ask' | 'goodbye'; afterMs: number } => {
  const laterMs = hold ? Math.max(0, limits.waitRequestMs - limits.noInputPromptMs) : 0;
  const askMs = limits.noInputPromptMs * (asks + 1);
  return askMs < limits.noInputGoodbyeMs
    ? { kind: 'ask', afterMs: askMs + laterMs }
    : { kind: 'goodbye', afterMs: limits.noInputGoodbyeMs + laterMs };
};
