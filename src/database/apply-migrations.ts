/**
 * Applies migrations in one transaction: all of them or none. They are recorded in `_prisma_migrations`, the table that Prisma's
 * own command line uses.
 */
import type { SqlDriverAdapter, SqlQueryable } from '@prisma/driver-adapter-utils';
import type { DatabaseKind } from './address.ts';
import { migrationsFolder, readMigrations } from './migrations.ts';
import { noFilter, openSchemaEngine, type MigrationList } from './schema-engine.ts';
import { blockingWaitMs, retryLocked } from './sqlite/locks.ts';

const query = (sql: string) => ({ sql, args: [], argTypes: [] });

type ApplyOptions = Readonly<{ folder?: string; lockedTimeoutMs?: number | undefined }>;

/**
 * Applies a database's pending migrations.
 * @param database SQLite: the path of the file; PostgreSQL: the URL
 * @returns the names of the migrations that were applied; those that another process applied meanwhile are not among them
 * @throws the engine's error; the database is unchanged
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

/** Applies migrations on an open connection that nothing else uses. If it throws, closing the connection rolls back. */
export const migrateOpenSqlite = async (
  adapter: SqlDriverAdapter,
  migrations: MigrationList,
  lockedTimeoutMs: number,
): Promise<string[]> => {
  // Has no effect inside a transaction. With it on, rebuilding a table would delete the rows that refer to the old one.
  await adapter.executeScript('PRAGMA foreign_keys = OFF');
  await retryLocked(() => adapter.executeScript('BEGIN IMMEDIATE'), performance.now() + lockedTimeoutMs);
  const applied = await runEngine(adapter, (script) => adapter.executeScript(script), migrations);
  const { rows } = await adapter.queryRaw(query('PRAGMA foreign_key_check'));
  if (rows.length > 0) throw new Error(`The migrations leave ${rows.length} rows with broken foreign keys.`);
  await adapter.executeScript('COMMIT');
  return applied;
};

const migratePostgres = async (url: string, migrations: MigrationList): Promise<string[]> => {
  const { PrismaPg } = await import('@prisma/adapter-pg');
  const adapter = await new PrismaPg({ connectionString: url, max: 1, connectionTimeoutMillis: 5000 }).connect();
  try {
    const transaction = await adapter.startTransaction();
    const execute = async (sql: string) => {
      // Without arguments `pg` uses the simple protocol, which accepts several statements.
      await transaction.executeRaw(query(sql));
    };
    /** With a savepoint, because after a failure the engine runs further queries to describe it. */
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
      await transaction.commit(); // only returns the connection to the pool
    }
  } finally {
    await adapter.dispose(); // ends the session, and with it anything uncommitted and the engine's lock
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
    // The engine's own lock on SQLite would outlast the transaction, which locks the file anyway.
    executeRaw: async (statement) =>
      statement.sql.startsWith('PRAGMA main.locking_mode') ? 0 : connection.executeRaw(statement),
    executeScript,
    startTransaction: async () => {
      throw new Error('Migrations already run in a transaction.');
    },
    dispose: async () => undefined,
  });
  const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: noFilter });
  return appliedMigrationNames;
};
