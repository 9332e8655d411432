import { defineConfig } from 'vitest/config';

/** Of the processor: two of them keep two cores busy. */
const quick = ['unit', 'service', 'conversation'];
/** Real servers, real audio, real processes: they mostly wait for time to pass. */
const waiting = ['call', 'process', 'faults'];
/** Tests that measure time, or take every core for themselves, run alone and last: files named `*.timed.test.ts`. */
const timed = 'timed';
/** The folders of test/ that hold tests. */
export const testFolders = [...quick, ...waiting];

const shortMs = 60_000;
const longMs = 180_000;

/** `npm run faults` measures everything. */
const isMeasuring = process.env.FAULTS === 'all';

const project = (name: string, options: { include: string[]; exclude?: string[]; workers: number; group: number }) => ({
  extends: true as const,
  test: {
    name,
    include: options.include,
    exclude: options.exclude ?? [],
    // The LiveKit server's program and the browser; one PostgreSQL and one LiveKit server for all files that use them.
    globalSetup: [
      'test/support/obtain.ts',
      ...(name === 'service' ? ['test/support/postgres.ts'] : []),
      ...(quick.includes(name) ? [] : ['test/support/livekit.ts']),
    ],
    maxWorkers: options.workers,
    fileParallelism: options.workers > 1,
    sequence: { groupOrder: options.group },
    testTimeout: quick.includes(name) ? shortMs : longMs,
    hookTimeout: quick.includes(name) ? shortMs : longMs,
  },
});

// Groups run one after the other; the projects of a group side by side.
export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      ...quick.map((name) => project(name, { include: [`test/${name}/**/*.test.ts`], workers: 2, group: 0 })),
      ...waiting.map((name) =>
        project(name, {
          include: [`test/${name}/**/*.test.ts`],
          exclude: ['**/*.timed.test.ts'],
          workers: isMeasuring ? 1 : 3,
          group: 1,
        }),
      ),
      project(timed, { include: waiting.map((name) => `test/${name}/**/*.timed.test.ts`), workers: 1, group: 2 }),
    ],
  },
});
