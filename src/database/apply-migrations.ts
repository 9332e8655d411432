/**
 * Which migrations a database lacks, and applying them: all or none, in one transaction. The table `_prisma_migrations` is the
 * one that Prisma's own command line keeps.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SqlDriverAdapter, SqlQueryable } from '@prisma/driver-adapter-utils';
import { noFilter, openSchemaEngine, type MigrationList } from './schema-engine.ts';
import { blockingWaitMs, retryLocked } from './sqlite-queue.ts';

export type DatabaseKind = 'sqlite' | 'postgres';

const schemaFolder = join(import.meta.dirname, '../../prisma');

export const migrationsFolder = (kind: DatabaseKind): string =>
  kind === 'sqlite' ? join(schemaFolder, 'migrations') : join(schemaFolder, 'postgres', 'migrations');

/** Names of the migrations that this version comes with, in order. */
export const listMigrations = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
};

/** Reads a folder of migrations. */
export const readMigrations = async (folder: string): Promise<MigrationList> => {
  const lockfile = await readFile(join(folder, 'migration_lock.toml'), 'utf8');
  const names = await listMigrations(folder);
  const scripts = await Promise.all(names.map((name) => readFile(join(folder, name, 'migration.sql'), 'utf8')));
  return {
    baseDir: folder,
    lockfile: { path: 'migration_lock.toml', content: lockfile },
    shadowDbInitScript: '',
    migrationDirectories: names.map((path, index) => ({
      path,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: scripts[index] ?? '' } },
    })),
  };
};

const query = (sql: string) => ({ sql, args: [], argTypes: [] });

/** The migrations that are missing in a database, and those that it has and this version doesn't know. */
export type MigrationState = Readonly<{ pending: string[]; unknown: string[] }>;

/** Compares a database's migrations with this version's. */
export const migrationState = async (
  kind: DatabaseKind,
  connection: SqlQueryable,
  folder = migrationsFolder(kind),
): Promise<MigrationState> => {
  const [known, applied] = await Promise.all([listMigrations(folder), appliedMigrations(kind, connection)]);
  return {
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
};

const appliedMigrations = async (kind: DatabaseKind, connection: SqlQueryable): Promise<string[]> => {
  const exists = await connection.queryRaw(
    query(
      kind === 'sqlite'
        ? `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_prisma_migrations'`
        : `SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_prisma_migrations'`,
    ),
  );
  if (Number(exists.rows[0]?.[0]) === 0) return [];
  const { rows } = await connection.queryRaw(
    query('SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL'),
  );
  return rows.map(([name]) => String(name));
};

type ApplyOptions = Readonly<{ folder?: string; lockedTimeoutMs?: number | undefined }>;

/**
 * Applies what is missing, all or nothing.
 * @param database SQLite: the path of the file, or `:memory:` (which is gone afterwards); PostgreSQL: its URL
 * @returns the names of the migrations that were applied now, also when another process was about to do so
 * @throws the engine's error, with the database as it was before
 */
export const applyMigrations = async (
  kind: DatabaseKind,
  database: string,
  { folder = migrationsFolder(kind), lockedTimeoutMs = 10_000 }: ApplyOptions = {},
): Promise<string[]> => {
  const migrations = await readMigrations(folder);
  if (kind === 'sqlite') return migrateSqlite(database, migrations, lockedTimeoutMs);
  return migratePostgres(database, migrations);
};

const migrateSqlite = async (file: string, migrations: MigrationList, lockedTimeoutMs: number): Promise<string[]> => {
  const { PrismaBetterSqlite3 } = await import('@prisma/adapter-better-sqlite3');
  const adapter = await new PrismaBetterSqlite3({ url: file, timeout: blockingWaitMs }).connect();
  try {
    return await migrateOpenSqlite(adapter, migrations, lockedTimeoutMs);
  } finally {
    await adapter.dispose();
  }
};

/** The same on an open connection of its own; when it throws, closing the connection rolls back. */
export const migrateOpenSqlite = async (
  adapter: SqlDriverAdapter,
  migrations: MigrationList,
  lockedTimeoutMs: number,
): Promise<string[]> => {
  // Inside a transaction this pragma does nothing, and dropping a table that is made anew would delete what refers to it.
  await adapter.executeScript('PRAGMA foreign_keys = OFF');
  await retryLocked(() => adapter.executeScript('BEGIN IMMEDIATE'), performance.now() + lockedTimeoutMs);
  const applied = await runEngine(adapter, (script) => adapter.executeScript(script), migrations);
  const { rows } = await adapter.queryRaw(query('PRAGMA foreign_key_check'));
  if (rows.length > 0) throw new Error(`The migrations leave ${rows.length} rows that refer to nothing.`);
  await adapter.executeScript('COMMIT');
  return applied;
};

const migratePostgres = async (url: string, migrations: MigrationList): Promise<string[]> => {
  const { PrismaPg } = await import('@prisma/adapter-pg');
  const adapter = await new PrismaPg({ connectionString: url, max: 1, connectionTimeoutMillis: 5000 }).connect();
  try {
    const transaction = await adapter.startTransaction();
    const execute = async (sql: string) => {
      // Without arguments it is PostgreSQL's simple protocol, which takes several statements.
      await transaction.executeRaw(query(sql));
    };
    /** With a savepoint: the engine goes on after a failure, to say what failed. */
    const executeScript = async (script: string) => {
      await execute('SAVEPOINT migration');
      try {
        await execute(script);
      } catch (error) {
        await execute('ROLLBACK TO SAVEPOINT migration');
        throw error;
      }
    };
    try {
      const applied = await runEngine(transaction, executeScript, migrations);
      await execute('COMMIT');
      return applied;
    } finally {
      await transaction.commit(); // only gives the connection back
    }
  } finally {
    await adapter.dispose(); // with the session goes what isn't committed, and the engine's lock
  }
};

const runEngine = async (
  connection: SqlQueryable,
  executeScript: (script: string) => Promise<void>,
  migrationsList: MigrationList,
): Promise<string[]> => {
  using engine = await openSchemaEngine({
    provider: connection.provider,
    adapterName: connection.adapterName,
    queryRaw: (statement) => connection.queryRaw(statement),
    // The engine's own lock on SQLite would outlast the transaction, which locks already.
    executeRaw: async (statement) =>
      statement.sql.startsWith('PRAGMA main.locking_mode') ? 0 : connection.executeRaw(statement),
    executeScript,
    startTransaction: async () => {
      throw new Error('The migrations run in one transaction already.');
    },
    dispose: async () => undefined,
  });
  const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: noFilter });
  return appliedMigrationNames;
};
