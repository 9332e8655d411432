/**
 * The steps of a check, each with its time. The first that fails ends the walk; what it would have come to is skipped.
 *
 * Times: `at…` in ms since the clock was started (0 before), `took…` in ms. Both null: the step was skipped.
 */
import { AppError } from '../../errors.ts';
import { nowMs } from '../../simulators/caller/rtc.ts';

export type Step<Name extends string> = Readonly<{
  step: Name;
  atMs: number | null;
  tookMs: number | null;
  state: 'ok' | 'failed' | 'skipped';
  detail: string | null;
}>;

/** What a step came to. `at`: when it happened, by default now; `since`: from when its time counts, by default when it began. */
type StepOutcome<T> = Readonly<{ value: T; at?: number; since?: number; detail?: string | null }>;

/** A step failed and was noted: there is nothing more to say. */
export class StepFailed extends AppError {
  constructor(step: string, cause: unknown) {
    super('local_mode', `${step} failed`, { cause });
  }
}

export type StepLog<Name extends string> = Readonly<{
  steps: readonly Step<Name>[];
  startClock: () => void;
  /** Takes a step and notes it. @throws StepFailed, whatever the step threw */
  run: <T>(step: Name, act: () => Promise<StepOutcome<T>>) => Promise<T>;
  skip: (step: Name, detail: string | null) => void;
}>;

/**
 * Opens a log. `onStep` hears of each step once it is noted; `explain` makes of what a step threw the detail that a person
 * reads.
 */
export const createStepLog = <Name extends string>(options: {
  onStep: (step: Step<Name>) => void;
  explain: (step: Name, error: unknown) => Promise<string>;
}): StepLog<Name> => {
  const steps: Step<Name>[] = [];
  let startedAt: number | null = null;
  const note = (step: Step<Name>): void => {
    steps.push(step);
    options.onStep(step);
  };
  const timesOf = (at: number, since: number) => ({
    atMs: Math.max(0, Math.round(at - (startedAt ?? at))),
    tookMs: Math.max(0, Math.round(at - since)),
  });
  return {
    steps,
    startClock: () => {
      startedAt = nowMs();
    },
    run: async (step, act) => {
      const began = nowMs();
      try {
        const { value, at = nowMs(), since = began, detail = null } = await act();
        note({ step, ...timesOf(at, since), state: 'ok', detail });
        return value;
      } catch (error) {
        const times = timesOf(nowMs(), began);
        note({ step, ...times, state: 'failed', detail: await options.explain(step, error) });
        throw new StepFailed(step, error);
      }
    },
    skip: (step, detail) => note({ step, atMs: null, tookMs: null, state: 'skipped', detail }),
  };
};
