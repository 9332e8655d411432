/** The output of `check:campaign` for people. */
import type { CheckStep } from '../../local/check-campaign/advice.ts';
import type { CheckReport } from '../../local/check-campaign/check-call.ts';
import type { Step } from '../../local/check-campaign/step-log.ts';

const nameOf = (step: CheckStep): string => step.replaceAll('_', ' ');

export const stepLine = ({ step, atMs, tookMs, state, detail }: Step<CheckStep>): string => {
  const times =
    atMs === null || tookMs === null ? ' '.repeat(19) : `${String(atMs).padStart(6)} ms ${`+${tookMs}`.padStart(6)} ms`;
  return `${state.padEnd(7)} ${times}  ${nameOf(step).padEnd(16)} ${detail ?? ''}`.trimEnd();
};

/** Steps skipped without a reason only come after a failed one. */
export const isWorthPrinting = ({ state, detail }: Step<CheckStep>): boolean => state !== 'skipped' || detail !== null;

export const summaryLines = ({ ok, callId, steps }: CheckReport): string[] => {
  const failed = steps.findIndex(({ state }) => state === 'failed');
  const previous = steps.slice(0, Math.max(0, failed)).findLast(({ state }) => state === 'ok');
  const failedStep = steps[failed];
  return [
    ...(failedStep === undefined
      ? []
      : [
          `Step "${nameOf(failedStep.step)}" failed; last successful step: ${previous === undefined ? 'none' : `"${nameOf(previous.step)}"`}.`,
        ]),
    ...(callId === null ? ['No call was recorded.'] : [`The call and its lead were recorded: ${callId}.`]),
    ...(ok ? ['All steps succeeded.'] : []),
  ];
};
