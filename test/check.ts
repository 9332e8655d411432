/**
 * `npm run check [-- PART…]`: types, lint, import directions, format, migrations, benchmark pages. One line a part; exit code 1 when any failed.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

interface Part {
  name: string;
  /** A script and its arguments, run with this Node in the root. */
  command: string[];
  /** What the output must say: a tool that reads nothing finds nothing wrong either. */
  mustSay?: RegExp;
}

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
    mustSay: /[1-9]\d* dependencies cruised/,
  },
  { name: 'format', command: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'] },
  ...(existsSync(join(root, 'scripts/migrate.ts'))
    ? [{ name: 'migrations', command: ['scripts/migrate.ts', 'check'] }]
    : []),
  ...(existsSync(join(root, 'test/bench/report/check.ts'))
    ? [{ name: 'benchmarks', command: ['test/bench/report/check.ts'] }]
    : []),
];

/** Runs one part, prints its line, and says whether it went well. */
async function run(part: Part): Promise<boolean> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, part.command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [code, stdout, stderr] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  const output = (stdout + stderr).trim();
  const ok = code === 0 && (part.mustSay === undefined || part.mustSay.test(output));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${ok ? 'ok    ' : 'failed'}  ${part.name} (${seconds} s)${ok ? '' : `\n${output}\n`}`);
  // Benchmark pages whose figures are of an older source: no failure, but worth knowing.
  if (ok) for (const note of output.match(/^stale: .*$/gm) ?? []) console.log(`        ${note}`);
  return ok;
}

/** Takes parts off the queue until it is empty. */
async function work(queue: Part[]): Promise<boolean> {
  let ok = true;
  for (let part = queue.shift(); part !== undefined; part = queue.shift()) ok = (await run(part)) && ok;
  return ok;
}

const wanted = process.argv.slice(2);
const queue = parts.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (queue.length === 0) throw new Error(`No such part: ${wanted.join(' ')}`);
const results = await Promise.all([work(queue), work(queue)]);
if (results.includes(false)) process.exitCode = 1;
