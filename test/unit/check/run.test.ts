import { afterEach, expect, test } from 'vitest';
import { kill, listProcesses } from '#test/support/processes.ts';
import { openCheckout } from '#test/support/checkout.ts';

const TIMEOUT_MS = 60_000;
const frame = ['package.json', 'vitest.config.ts', 'test/run.ts', 'test/support/processes.ts'];
/** In place of what the project's own tests need. */
const setups = {
  'test/support/obtain.ts': 'export const setup = () => {};',
  'test/support/postgres.ts': 'export const setup = () => {};',
  'test/support/livekit.ts': 'export const setup = () => {};',
};
const passing = `import { test } from 'vitest';\ntest('fine', () => {});\n`;

/** Tells this file's processes from any other. */
const mark = `sleeper-${process.pid}`;
const sleepers = () => listProcesses().filter(({ command }) => command.includes(mark));
/** A test that leaves a process behind: out of its parent's session, with nothing of its environment. */
const littering = `
import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { test } from 'vitest';
test('litters', async () => {
  const options = { detached: true, env: {}, stdio: 'ignore' };
  spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)', '${mark}'], options).unref();
  await setTimeout(1500);
});
`;

afterEach(() => kill(sleepers()));

async function runTests(files: Record<string, string>, args: string[] = []) {
  await using checkout = await openCheckout(frame);
  await checkout.write({ ...setups, ...files });
  const { code, stdout, stderr } = await checkout.run('node', ['test/run.ts', ...args], { NO_COLOR: '1' });
  return { code, lastLine: stdout.trimEnd().split('\n').at(-1), stdout, stderr };
}

test('counts what passed in every folder, or in those asked for', { timeout: TIMEOUT_MS }, async () => {
  const files = { 'test/unit/a.test.ts': passing, 'test/service/b.test.ts': passing, 'test/faults/c.test.ts': passing };
  expect(await runTests(files)).toMatchObject({ code: 0, lastLine: '3 passed, 0 failed' });
  expect(await runTests(files, ['service'])).toMatchObject({ code: 0, lastLine: '1 passed, 0 failed' });
  expect(await runTests(files, ['faults/c'])).toMatchObject({ code: 0, lastLine: '1 passed, 0 failed' });
});

test('failing tests, hooks, files and stray promises all count as failed', { timeout: TIMEOUT_MS }, async () => {
  const result = await runTests({
    'test/unit/fails.test.ts': `${passing}test('fails', () => { throw new Error('x'); });\n`,
    'test/unit/hook.test.ts': `import { afterAll } from 'vitest';\n${passing}afterAll(() => { throw new Error('x'); });\n`,
    'test/unit/unreadable.test.ts': `import './gone.ts';\n${passing}`,
    'test/unit/stray.test.ts': `${passing}test('stray', () => { void Promise.reject(new Error('x')); });\n`,
    'test/unit/skipped.test.ts': `${passing}test.skip('later', () => {});\n`,
  });
  expect(result).toMatchObject({ code: 1, lastLine: '5 passed, 4 failed, 1 skipped' });
});

test('a run of no test fails', { timeout: TIMEOUT_MS }, async () => {
  const result = await runTests({ 'test/unit/a.test.ts': passing }, ['nothing-of-this-name']);
  expect(result).toMatchObject({ code: 1, lastLine: '0 passed, 0 failed' });
});

test('a process left over is named, ended, and fails the run', { timeout: TIMEOUT_MS }, async () => {
  const result = await runTests({ 'test/unit/a.test.ts': littering });
  expect(result).toMatchObject({ code: 1, lastLine: '1 passed, 1 failed' });
  expect(result.stderr).toMatch(new RegExp(`Left over by a test: process \\d+: .*${mark}`));
  expect(sleepers()).toEqual([]);
});
