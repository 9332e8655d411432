/**
 * `npm run faults [-- WORDS…]`: tests all faults that the service must survive, the slow ones too, one file after the other. With
 * WORDS it runs the rows whose text contains one of them. Prints a table and, last, `N passed, N failed`, counted in rows; the exit code
 * is 1 when a row failed.
 */
import { join } from 'node:path';
import { startVitest, type TestCase, type TestSuite, type Vitest } from 'vitest/node';
import './support/measured.ts';
import { kill, watchDescendants } from './support/processes.ts';

const help = `npm run faults [-- WORDS…]

Runs the service on a real LiveKit server and injects every fault that it must survive, and the attacks. Takes about half an hour.
With WORDS, runs the rows whose text contains one of them: npm run faults -- kill frozen`;

/** Attacks are tested where they would happen; each of these files is a row. */
const attacks: Readonly<Record<string, string>> = {
  'test/service/sip-inbound.test.ts': 'unsigned, wrongly signed, expired, other body; too many calls',
  'test/service/events.test.ts': 'forged and replayed events',
  'test/service/api/login.test.ts': 'forged tokens: alg none, another secret, expired',
  'test/service/api/access.test.ts': "every route with every other tenant's ids",
  'test/service/api/fuzz.test.ts': 'fuzzed bodies on every route',
  'test/call/transfer.test.ts': 'the caller talks the model into something',
};
/** Bodies per operation; with about 80 operations more than 10,000 in total. */
const fuzzRuns = 150;

/** The time that processes have to exit by themselves after the last test. */
const graceMs = 5_000;

type Row = { name: string; passed: number; failed: number; skipped: number; ms: number; measured: string[] };

/** The row that a test belongs to: an attack's file, else its outermost `describe`. */
const rowNameOf = (test: TestCase): string => {
  const attack = attacks[test.module.relativeModuleId];
  if (attack !== undefined) return attack;
  let outermost: TestSuite | null = null;
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) outermost = parent;
  return outermost?.name ?? test.module.relativeModuleId;
};

const escaped = (word: string): string => word.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

const addTo = (rows: Map<string, Row>, test: TestCase): void => {
  const name = rowNameOf(test);
  const row = rows.get(name) ?? { name, passed: 0, failed: 0, skipped: 0, ms: 0, measured: [] };
  rows.set(name, row);
  const { state } = test.result();
  // A test that never ended did not pass.
  row[state === 'pending' ? 'failed' : state] += 1;
  row.ms += test.diagnostic()?.duration ?? 0;
  const { measured } = test.meta();
  if (measured !== undefined) row.measured.push(measured);
};

/** The rows, and the files that failed without a failed test. */
const resultsOf = (vitest: Vitest): { rows: Row[]; broken: string[] } => {
  const rows = new Map<string, Row>();
  const broken: string[] = [];
  for (const module of vitest.state.getTestModules()) {
    const tests = [...module.children.allTests()];
    for (const test of tests) addTo(rows, test);
    const hasFailedTest = tests.some((test) => test.result().state === 'failed');
    if (!module.ok() && !hasFailedTest) broken.push(module.relativeModuleId);
  }
  return { rows: [...rows.values()], broken };
};

/** A row without a passed test has failed. */
const hasFailed = ({ passed, failed }: Row): boolean => failed > 0 || passed === 0;

const print = (rows: readonly Row[]): void => {
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  for (const row of rows) {
    const { name, skipped, ms, measured } = row;
    const state = hasFailed(row) ? 'failed' : 'passed';
    const more = [...measured, ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ');
    console.log(`${state}  ${name.padEnd(width)}  ${(ms / 1000).toFixed(1).padStart(6)} s  ${more}`.trimEnd());
  }
};

const run = async (words: readonly string[]): Promise<void> => {
  process.env.FAULTS = 'all';
  process.env.FUZZ_RUNS ??= String(fuzzRuns);
  using watch = watchDescendants();
  const vitest = await startVitest(['test/faults/', ...Object.keys(attacks)], {
    root: join(import.meta.dirname, '..'),
    run: true,
    watch: false,
    project: ['faults', 'service', 'call', 'timed'],
    ...(words.length > 0 ? { testNamePattern: new RegExp(words.map(escaped).join('|'), 'i') } : {}),
  });
  const { rows: all, broken } = resultsOf(vitest);
  const rows = all.filter(({ passed, failed }) => words.length === 0 || passed + failed > 0);
  const leftovers = await watch.leftovers(graceMs);
  kill(leftovers);
  console.log('');
  print(rows);
  const others = [
    ...broken.map((file) => `${file} could not be run`),
    ...leftovers.map(({ pid, command }) => `left over by a test: process ${pid}: ${command}`),
    ...vitest.state.getUnhandledErrors().map((error) => `unhandled: ${String(error)}`),
  ];
  for (const line of others) console.error(line);
  const failed = rows.filter(hasFailed).length + others.length;
  if (rows.length === 0) console.error('No row has these words.');
  if (failed > 0 || rows.length === 0) process.exitCode = 1;
  console.log(`${rows.filter((row) => !hasFailed(row)).length} passed, ${failed} failed`);
};

const words = process.argv.slice(2).filter((word) => word !== '--');
if (words.includes('--help')) console.log(help);
else await run(words);
