import { defineConfig } from 'vitest/config';

/** Folders whose tests are bound by the CPU: two workers keep two cores busy. */
const quick = ['unit', 'service', 'conversation'];
/**
 * Folders whose tests mostly wait: real servers, processes and audio. More than three calls at once, each with its call host and
 * simulators, would be too much for two cores.
 */
const waiting = ['call', 'process', 'faults'];
/** Tests that measure time or need every core: files named `*.timed.test.ts`, which run one after the other, last. */
const timed = 'timed';
/** The folders of test/ that hold tests. */
export const testFolders = [...quick, ...waiting];

const shortMs = 60_000;
const longMs = 180_000;

/** `npm run faults` measures times in all its tests, so each runs alone. */
const isMeasuring = process.env.FAULTS === 'all';

const project = (name: string, options: { include: string[]; exclude?: string[]; workers: number; group: number }) => ({
  extends: true as const,
  test: {
    name,
    include: options.include,
    exclude: options.exclude ?? [],
    // Programs to install; one PostgreSQL and one LiveKit server for all files of the project.
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
          workers: isMeasuring ? 1 : 2,
          group: 1,
        }),
      ),
      project(timed, { include: waiting.map((name) => `test/${name}/**/*.timed.test.ts`), workers: 1, group: 2 }),
    ],
  },
});
