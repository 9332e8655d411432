/**
 * The steps of a check and their times. The first failure ends the check; the steps after it are skipped.
 *
 * Times: `atMs` counts from when the clock was started (0 before), `tookMs` is the step's duration. Both are null if it was
 * skipped.
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

/** `at`: when the step happened, by default now. `since`: when its duration begins, by default when the step was started. */
type StepOutcome<T> = Readonly<{ value: T; at?: number; since?: number; detail?: string | null }>;

/** A step failed and was recorded. */
export class StepFailed extends AppError {
  constructor(step: string, cause: unknown) {
    super('local_mode', `${step} failed`, { cause });
  }
}

export type StepLog<Name extends string> = Readonly<{
  steps: readonly Step<Name>[];
  startClock: () => void;
  /** Runs a step and records it. @throws StepFailed if `act` throws */
  run: <T>(step: Name, act: () => Promise<StepOutcome<T>>) => Promise<T>;
  skip: (step: Name, detail: string | null) => void;
}>;

/** @param options `onStep` receives each step once recorded; `explain` turns an error into the detail that a person reads */
export const createStepLog = <Name extends string>(options: {
  onStep: (step: Step<Name>) => void;
  explain: (step: Name, error: unknown) => Promise<string>;
}): StepLog<Name> => {
  const steps: Step<Name>[] = [];
  let startedAt: number | null = null;
  const record = (step: Step<Name>): void => {
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
        record({ step, ...timesOf(at, since), state: 'ok', detail });
        return value;
      } catch (error) {
        const times = timesOf(nowMs(), began);
        record({ step, ...times, state: 'failed', detail: await options.explain(step, error) });
        throw new StepFailed(step, error);
      }
    },
    skip: (step, detail) => record({ step, atMs: null, tookMs: null, state: 'skipped', detail }),
  };
};
