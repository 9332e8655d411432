/** Progress lines that tell how long a run is going to take. */

const clock = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

/**
 * Puts the time that has passed, and an estimate of the time that is left, before each line.
 * @param expectedMs what the whole run takes, as far as is known before
 */
export const withPace = (
  progress: (line: string) => void,
  expectedMs: number,
  now: () => number = () => performance.now(),
): ((line: string) => void) => {
  const startedAt = now();
  return (line) => {
    const passed = now() - startedAt;
    const left = passed > expectedMs ? 'overdue' : `${clock(expectedMs - passed)} left`;
    progress(`[${clock(passed)}, ${left}] ${line}`);
  };
};
