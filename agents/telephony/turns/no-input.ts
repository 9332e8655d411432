/**
 * No-input: the caller doesn't reply. The agent asks whether they are still there, and finally says goodbye.
 *
 * Glossary
 *   prompt         "Are you still there?"; it doesn't restart the timer
 *   wait request   the caller asks the agent to wait, which delays the first prompt and everything after it
 */
import type { CallJob } from '#src/protocol/job.ts';
import type { SpeechTracker } from './speech-tracker.ts';

type NoInputLimits = Pick<CallJob['limits'], 'noInputPromptMs' | 'noInputGoodbyeMs' | 'waitRequestMs'>;

export type NoInputTimer = Disposable & {
  /** The agent is thinking, speaking (prompts don't count) or running a tool: the timer stops. */
  agentBusy: () => void;
  /** The agent has finished speaking: the timer starts. */
  agentDone: () => void;
  callerSpeaks: () => void;
  callerSilent: () => void;
  /** Words of the caller were recognized. */
  callerSaid: (isWaitRequest: boolean) => void;
};

type NoInputActions = { prompt: () => void; goodbye: () => void };

/** Opens the timer, which starts with `agentDone`. `goodbye` is called at most once. */
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

/** What happens next after this many prompts, and when, in ms since the agent's last word. */
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

/**
 * Runs the timer on the tracker's events.
 * @param actions.prompt resolves when the prompt has been said; null if nothing is said
 */
export const watchNoInput = (
  tracker: SpeechTracker,
  limits: NoInputLimits,
  actions: Readonly<{ prompt: () => Promise<unknown> | null; goodbye: () => void }>,
): Disposable => {
  let isPrompting = false;
  const timer = openNoInputTimer(limits, {
    prompt: () => {
      const prompted = actions.prompt();
      if (prompted === null) return;
      isPrompting = true;
      prompted.finally(() => (isPrompting = false)).catch(() => null); // the task that says it reports failures
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
