/**
 * `npm run check [-- PART…]`: types, lint, import directions, unused exports, format, migrations, benchmark pages. Prints a line
 * per part; exits with 1 if any failed.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

type Part = {
  name: string;
  /** A script and its arguments, run by this Node in the project's root. */
  command: string[];
  /** What the output must match: a tool that reads no files finds no problems either. */
  expectedOutput?: RegExp;
};

/** The longest first. */
const parts: Part[] = [
  { name: 'lint', command: ['node_modules/eslint/bin/eslint.js', '--max-warnings=0', '.'] },
  { name: 'types', command: ['node_modules/typescript/bin/tsc'] },
  {
    name: 'imports',
    command: [
      'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
      '--config=.dependency-cruiser.js',
      ...['src', 'agents', 'scripts'].filter((folder) => existsSync(join(root, folder))),
    ],
    expectedOutput: /[1-9]\d* dependencies cruised/,
  },
  ...(existsSync(join(root, 'test/check-exports.ts'))
    ? [{ name: 'exports', command: ['test/check-exports.ts'], expectedOutput: /[1-9]\d* exports checked/ }]
    : []),
  { name: 'format', command: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'] },
  ...(existsSync(join(root, 'scripts/migrate.ts'))
    ? [{ name: 'migrations', command: ['scripts/migrate.ts', 'check'] }]
    : []),
  ...(existsSync(join(root, 'test/bench/report/check.ts'))
    ? [{ name: 'benchmarks', command: ['test/bench/report/check.ts'] }]
    : []),
];

/** Runs one part, prints its line, and returns whether it passed. */
const run = async (part: Part): Promise<boolean> => {
  const startedAt = performance.now();
  const child = spawn(process.execPath, part.command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [code, stdout, stderr] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  const output = (stdout + stderr).trim();
  const ok = code === 0 && (part.expectedOutput === undefined || part.expectedOutput.test(output));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${ok ? 'ok    ' : 'failed'}  ${part.name} (${seconds} s)${ok ? '' : `\n${output}\n`}`);
  // Benchmark pages whose figures come from older source: not a failure, but worth knowing.
  if (ok) for (const note of output.match(/^stale: .*$/gm) ?? []) console.log(`        ${note}`);
  return ok;
};

/** Runs parts from the queue until it is empty; returns whether all passed. */
const work = async (queue: Part[]): Promise<boolean> => {
  let ok = true;
  for (let part = queue.shift(); part !== undefined; part = queue.shift()) ok = (await run(part)) && ok;
  return ok;
};

const wanted = process.argv.slice(2);
const queue = parts.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (queue.length === 0) throw new Error(`No such part: ${wanted.join(' ')}`);
const results = await Promise.all([work(queue), work(queue)]);
if (results.includes(false)) process.exitCode = 1;
