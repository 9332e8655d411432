/**
 * `npm test [-- NAME…]`: runs the tests; a NAME is a folder of test/ or a part of a file's path.
 * The last line is `N passed, N failed`; exit code 1 when anything failed, nothing ran, or a process was left over.
 */
import { startVitest, type Vitest } from 'vitest/node';
import { join } from 'node:path';
import { testFolders } from '../vitest.config.ts';
import { kill, watchDescendants } from './support/processes.ts';

/** The time that processes have to exit by themselves after the last test. */
const graceMs = 5_000;

const count = (vitest: Vitest) => {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of vitest.state.getTestModules()) {
    let failedTests = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that never ended did not pass.
      counts[state === 'pending' ? 'failed' : state] += 1;
      if (state === 'failed' || state === 'pending') failedTests += 1;
    }
    // A file that can't be loaded, or whose hooks fail, has failed without a failed test.
    if (!module.ok() && failedTests === 0) counts.failed += 1;
  }
  counts.failed += vitest.state.getUnhandledErrors().length;
  return counts;
};

const names = process.argv.slice(2).filter((name) => name !== '--');
const paths = names.map((name) => (testFolders.includes(name) ? `test/${name}/` : name));

using watch = watchDescendants();
const vitest = await startVitest(paths, {
  root: join(import.meta.dirname, '..'),
  run: true,
  watch: false,
  allowOnly: names.length > 0,
});
const counts = count(vitest);
const leftovers = await watch.leftovers(graceMs);
for (const { pid, command } of leftovers) console.error(`Left over by a test: process ${pid}: ${command}`);
kill(leftovers);
counts.failed += leftovers.length;

if (counts.passed + counts.failed === 0) console.error('No test ran.');
if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
