/**
 * No-input: after the agent's last word it is the caller's turn. When nothing comes, the agent asks whether they are still there, and
 * in the end says goodbye.
 *
 * Glossary
 *   prompt         "Are you still there?"; it doesn't start the timer again
 *   wait request   the caller asked for a moment: the first prompt comes later, and everything that follows it
 */
import type { CallJob } from '#src/protocol/job.ts';
import type { SpeechTracker } from './speech-tracker.ts';

type NoInputLimits = Pick<CallJob['limits'], 'noInputPromptMs' | 'noInputGoodbyeMs' | 'waitRequestMs'>;

export type NoInputTimer = Disposable & {
  /** The agent thinks, speaks or runs a tool: the timer stops. Its prompts don't count. */
  agentBusy: () => void;
  /** The agent's last word was heard: the timer starts. */
  agentDone: () => void;
  callerSpeaks: () => void;
  callerSilent: () => void;
  /** The caller said something; `isWaitRequest`: that the agent is to wait. */
  callerSaid: (isWaitRequest: boolean) => void;
};

type NoInputActions = { prompt: () => void; goodbye: () => void };

/** Opens the timer; it doesn't run before `agentDone`. `goodbye` is called at most once. */
export const openNoInputTimer = (limits: NoInputLimits, actions: NoInputActions): NoInputTimer => {
  const state = { isBusy: true, isSpeaking: false, isWaiting: false, isOver: false, prompts: 0, since: 0 };
  let timer: NodeJS.Timeout | undefined;
  const arm = () => {
    clearTimeout(timer);
    if (state.isBusy || state.isSpeaking || state.isOver) return;
    const due = dueAt(limits, state.prompts, state.isWaiting);
    timer = setTimeout(() => act(due.kind), Math.max(0, state.since + due.afterMs - Date.now()));
  };
  const act = (kind: keyof NoInputActions) => {
    if (kind === 'prompt') state.prompts += 1;
    else state.isOver = true;
    arm();
    actions[kind]();
  };
  const restart = (change: { isBusy?: boolean; isSpeaking?: boolean }) => {
    Object.assign(state, change, { prompts: 0, since: Date.now() });
    arm();
  };
  return {
    agentBusy: () => restart({ isBusy: true }),
    agentDone: () => restart({ isBusy: false }),
    callerSpeaks: () => restart({ isSpeaking: true }),
    callerSilent: () => restart({ isSpeaking: false }),
    callerSaid: (isWaitRequest) => {
      state.isWaiting = isWaitRequest;
      arm();
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
};

/** What comes next after a number of prompts, in ms since the agent's last word. */
const dueAt = (
  limits: NoInputLimits,
  prompts: number,
  isWaiting: boolean,
): { kind: keyof NoInputActions; afterMs: number } => {
  const laterMs = isWaiting ? Math.max(0, limits.waitRequestMs - limits.noInputPromptMs) : 0;
  const promptMs = limits.noInputPromptMs * (prompts + 1);
  return promptMs < limits.noInputGoodbyeMs
    ? { kind: 'prompt', afterMs: promptMs + laterMs }
    : { kind: 'goodbye', afterMs: limits.noInputGoodbyeMs + laterMs };
};

/** Runs the timer on what the tracker reports. @param actions.prompt settles when the prompt was said */
export const watchNoInput = (
  tracker: SpeechTracker,
  limits: NoInputLimits,
  actions: Readonly<{ prompt: () => Promise<unknown> | null; goodbye: () => void }>,
): Disposable => {
  let isPrompting = false;
  const timer = openNoInputTimer(limits, {
    prompt: () => {
      const said = actions.prompt();
      if (said === null) return;
      isPrompting = true;
      said.finally(() => (isPrompting = false)).catch(() => null); // reported by whoever said it
    },
    goodbye: actions.goodbye,
  });
  tracker.events.on('agent', (state) => {
    if (isPrompting) return;
    if (state === 'thinking' || state === 'speaking') timer.agentBusy();
    else timer.agentDone();
  });
  tracker.events.on('caller', (isSpeaking) => (isSpeaking ? timer.callerSpeaks() : timer.callerSilent()));
  tracker.events.on('words', ({ isFinal, kind }) => {
    if (isFinal) timer.callerSaid(kind === 'wait_request');
  });
  if (tracker.agentState() === 'listening') timer.agentDone();
  return timer;
};
