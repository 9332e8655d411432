import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from 'prettier';
import { expect, test } from 'vitest';
import { atLeast, atMost, ratioOf, type Benchmark, type BenchmarkOptions } from '#test/bench/report/benchmark.ts';
import { benchmarks } from '#test/bench/benchmarks.ts';
import { withPace } from '#test/bench/report/pace.ts';
import { markStale, measuredOf } from '#test/bench/report/page.ts';
import { runBenchmark } from '#test/bench/report/run.ts';
import { checkPage, hashSources } from '#test/bench/report/stale.ts';
import { latenciesOf, median, medianInterval, ratioInterval } from '#test/bench/report/statistics.ts';
import { randomFrom } from '#test/bench/recordings/sound.ts';
import { slopeOf } from '#test/bench/soak/soak.ts';

const page = '# Made up\n\nWhat is measured.\n\n<!-- figures -->\n\nOld figures.\n\n<!-- /figures -->\n\nMore.\n';

const good: Benchmark = async () => ({
  ratio: 0.5,
  ours: { latencyMs: latenciesOf([1, 2, 3]) },
  reference: { latencyMs: latenciesOf([2, 4, 6]) },
  targets: [atMost('ratio', 0.5, 0.6), atMost('p95 in ms', 30, 20)],
  problems: [],
  samples: [1, 2, 3],
});

const withProblem: Benchmark = async (options) => ({ ...(await good(options)), problems: ['12 calls were refused'] });

const flags = { quick: false, onlyOurs: false, loaded: false };

/** Runs it in a folder with one page; the outcome, the page afterward, and what was printed. */
const run = async (benchmark: Benchmark, given: Partial<BenchmarkOptions> = {}, load = 0.1) => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-report-'));
  try {
    await writeFile(join(folder, 'made-up.md'), page);
    const printed: string[] = [];
    const print = (line: string): void => void printed.push(line);
    const options = { ...flags, progress: print, ...given };
    const job = { name: 'made-up', benchmark, options, load, folder, sources: 'abc', print };
    const code = await runBenchmark(job);
    const result = JSON.parse(printed.at(-1) ?? '') as Record<string, unknown> & { problems: string[] };
    return { code, result, printed, page: await readFile(join(folder, 'made-up.md'), 'utf8') };
  } finally {
    await rm(folder, { recursive: true });
  }
};

test('a good run writes its figures into the page, with the commit, and marks missed targets', async () => {
  const { code, result, page: written, printed } = await run(good);
  expect(code).toBe(0);
  expect(result).toMatchObject({ name: 'made-up', ratio: 0.5, problems: [], machine: { loadBefore: 0.1 } });
  expect(result).toHaveProperty('machine.commit');
  expect(written).not.toContain('Old figures');
  expect(written).toContain('What is measured.');
  expect(written).toMatch(/\| ratio ≤ 0\.6 +\| 0\.5 +\| met +\|/);
  expect(written).toMatch(/\| p95 in ms ≤ 20 +\| 30 +\| \*\*missed\*\* +\|/);
  expect(await check(written, { parser: 'markdown', printWidth: 120 })).toBe(true);
  expect(printed).toContain('Missed: p95 in ms ≤ 20 (measured: 30)');
  expect(measuredOf(written)?.sources).toBe('abc');
});

test('a run with a problem exits with 1 and writes no page', async () => {
  const { code, result, page: written } = await run(withProblem);
  expect(code).toBe(1);
  expect(result.problems).toEqual(['12 calls were refused']);
  expect(written).toBe(page);
});

test('so does a run that throws', async () => {
  const { code, result, page: written } = await run(() => Promise.reject(new Error('the child ended')));
  expect(code).toBe(1);
  expect(result.problems).toEqual(['the child ended']);
  expect(written).toBe(page);
});

test('a busy machine is a problem, unless the run is a quick one or for development', async () => {
  const busy = await run(good, {}, 0.4);
  expect(busy.code).toBe(1);
  expect(busy.result.problems).toEqual(['0.4 cores were in use before the start']);
  expect(busy.page).toBe(page);
  for (const flag of ['quick', 'loaded'] as const) {
    const { code, page: written } = await run(good, { [flag]: true }, 2);
    expect(code, flag).toBe(0);
    expect(written, flag).toBe(page);
  }
});

test('a run without the reference writes no page, and a quick one with a problem fails', async () => {
  expect(await run(good, { onlyOurs: true })).toMatchObject({ code: 0, page });
  expect(await run(withProblem, { quick: true })).toMatchObject({ code: 1, page });
});

test('a page of an older source is marked stale once, and the mark goes with new figures', async () => {
  const { page: written } = await run(good);
  const marked = markStale(written, true);
  expect(marked).toMatch(/^> \*\*Stale\.\*\* .*$/m);
  expect(markStale(marked, true)).toBe(marked);
  expect(markStale(marked, false)).toBe(written);
});

test('a page is stale when a file that its benchmark measures has changed, and only then', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-stale-'));
  try {
    const paths = ['test/bench/report'];
    const path = join(folder, 'made-up.md');
    const of = (sources: string) => page.replace('Old', `<!-- measured: abc123 sources: ${sources} -->\n\nOld`);
    await writeFile(path, of(await hashSources(paths)));
    expect(await checkPage(path, paths, true)).toBeNull();
    await writeFile(path, of('other'));
    expect(await checkPage(path, paths, false)).toMatch(/^stale: .*made-up\.md \(.* changed since abc123\)$/);
    expect(await readFile(path, 'utf8')).not.toContain('Stale');
    await checkPage(path, paths, true);
    expect(await readFile(path, 'utf8')).toContain('Stale');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('every path that a benchmark measures exists, and a benchmark measures itself', async () => {
  const nothing = await hashSources([]);
  for (const [name, { measures }] of Object.entries(benchmarks)) {
    for (const path of measures) expect(await hashSources([path]), `${name}: ${path}`).not.toBe(nothing);
    expect(
      measures.some((path) => path.startsWith(`test/bench/${name}`)),
      name,
    ).toBe(true);
  }
});

test('there is no p99 of fewer than 200 samples', () => {
  const values = Array.from({ length: 200 }, (_, n) => n + 1);
  expect(latenciesOf(values)).toMatchObject({ p50: 101, p95: 191, p99: 199, n: 200 });
  expect(latenciesOf(values.slice(1)).p99).toBeNull();
});

test('no samples give no figures', () => {
  expect(JSON.parse(JSON.stringify(latenciesOf([])))).toEqual({ p50: null, p95: null, p99: null, n: 0, p50Ci95: null });
  expect(median([])).toBeNaN();
  expect(medianInterval([1, 2, 3, 4])).toBeNull();
});

test('the interval of a median holds the true median 19 times in 20', () => {
  const random = randomFrom(5);
  const experiments = 200;
  let hits = 0;
  for (let n = 0; n < experiments; n += 1) {
    const [low = NaN, high = NaN] = medianInterval(Array.from({ length: 40 }, () => random() ** 2)) ?? [];
    if (low <= 0.25 && high >= 0.25) hits += 1;
  }
  expect(hits / experiments).toBeGreaterThan(0.9);
  expect(hits / experiments).toBeLessThan(0.995);
});

test('the same samples give the same interval, more samples a narrower one', () => {
  const random = randomFrom(6);
  const values = Array.from({ length: 400 }, () => 100 + 50 * random());
  const widthOf = (count: number) => {
    const [low = NaN, high = NaN] = medianInterval(values.slice(0, count)) ?? [];
    return high - low;
  };
  expect(medianInterval(values)).toEqual(medianInterval(values));
  expect(widthOf(400)).toBeLessThan(widthOf(20));
});

test('the interval of a ratio holds the ratio of the medians', () => {
  const random = randomFrom(7);
  const reference = Array.from({ length: 50 }, () => 200 + 20 * random());
  const ours = reference.map((value) => value / 2 + random());
  const [low = NaN, high = NaN] = ratioInterval(ours, reference) ?? [];
  expect(low).toBeLessThan(median(ours) / median(reference));
  expect(high).toBeGreaterThan(median(ours) / median(reference));
  expect(high - low).toBeLessThan(0.05);
});

test('a target that was not measured is missed', () => {
  expect(atMost('a', null, 1)).toEqual({ name: 'a ≤ 1', value: null, met: false });
  expect(atMost('a', NaN, 1).met).toBe(false);
  expect(atLeast('a', undefined, 1).met).toBe(false);
  expect(atLeast('a', 1, 1).met).toBe(true);
  expect(ratioOf(1, undefined)).toBeNull();
});

test('progress tells what has passed and what is left', () => {
  const lines: string[] = [];
  let time = 0;
  const progress = withPace(
    (line) => lines.push(line),
    125_000,
    () => time,
  );
  for (time of [0, 65_000, 130_000]) progress('a line');
  expect(lines).toEqual(['[0:00, 2:05 left] a line', '[1:05, 1:00 left] a line', '[2:10, overdue] a line']);
});

test('the growth of memory is the slope of a line through all measurements', () => {
  const memory = [0, 20, 40, 60].map((calls) => ({
    ...{ calls, beforeGcMb: 100 + calls, pssMb: 100 + calls / 100, anonymousMb: 50, familyMb: 400 - calls / 10 },
    processes: 4,
  }));
  expect(slopeOf(memory, 'pssMb')).toBe(1);
  expect(slopeOf(memory, 'beforeGcMb')).toBe(100);
  expect(slopeOf(memory, 'familyMb')).toBe(-10);
});
