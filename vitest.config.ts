import { defineConfig } from 'vitest/config';

/** Files of these run side by side; they share two cores. */
const parallel = ['unit', 'service', 'conversation'];
/** Real servers, real audio, real processes: one file after the other, or they disturb each other's timing. */
const serial = ['call', 'process', 'faults'];
/** The folders of test/ that hold tests, in the order in which they run. */
export const projectNames = [...parallel, ...serial];

const SHORT_MS = 60_000;
const LONG_MS = 180_000;

export default defineConfig({
  test: {
    pool: 'forks',
    projects: projectNames.map((name) => ({
      extends: true as const,
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        // The LiveKit server and the browser; one PostgreSQL for all files that use it.
        globalSetup: ['test/support/obtain.ts', ...(name === 'service' ? ['test/support/postgres.ts'] : [])],
        maxWorkers: parallel.includes(name) ? 2 : 1,
        fileParallelism: parallel.includes(name),
        // Groups run one after the other: all the parallel projects together, then each serial one alone.
        sequence: { groupOrder: serial.indexOf(name) + 1 },
        testTimeout: parallel.includes(name) ? SHORT_MS : LONG_MS,
        hookTimeout: parallel.includes(name) ? SHORT_MS : LONG_MS,
      },
    })),
  },
});
