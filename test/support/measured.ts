/** Figures that a test measured, to be printed with its result. */
import type { TestContext } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Such as `1.8 s`. */
    measured?: string;
  }
}

/** Records a time in ms as measured by the running test, and returns it. */
export const measured = ({ task }: Pick<TestContext, 'task'>, ms: number, what = ''): number => {
  const figure = `${(ms / 1000).toFixed(1)} s${what === '' ? '' : ` ${what}`}`;
  const before = task.meta.measured;
  task.meta.measured = before === undefined ? figure : `${before}, ${figure}`;
  return ms;
};
