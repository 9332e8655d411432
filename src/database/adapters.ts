/** The Prisma driver adapter of each kind of database, with its limits. */
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import { databaseFile, databaseKind } from './address.ts';
import { blockingWaitMs } from './sqlite/locks.ts';
import { queueSqlite } from './sqlite/queue.ts';

/** How long an open transaction may take; inside it only the database is awaited. */
export const transactionTimeoutMs = 5000;

/** How long a statement on SQLite is retried while another process has the file locked. */
export const defaultLockedTimeoutMs = 10_000;

/** Connects nothing yet. */
export const adapterFactory = async (
  databaseUrl: string,
  lockedTimeoutMs = defaultLockedTimeoutMs,
): Promise<SqlDriverAdapterFactory> =>
  databaseKind(databaseUrl) === 'sqlite'
    ? sqliteFactory(databaseFile(databaseUrl), lockedTimeoutMs)
    : postgresFactory(databaseUrl);

const sqliteFactory = async (file: string, lockedTimeoutMs: number): Promise<SqlDriverAdapterFactory> => {
  const { PrismaBetterSqlite3 } = await import('@prisma/adapter-better-sqlite3');
  return queueSqlite(new PrismaBetterSqlite3({ url: file, timeout: blockingWaitMs }), {
    setUp: 'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;',
    lockedTimeoutMs,
  });
};

const postgresFactory = async (connectionString: string): Promise<SqlDriverAdapterFactory> => {
  const { PrismaPg } = await import('@prisma/adapter-pg');
  return new PrismaPg({
    connectionString,
    max: 10,
    connectionTimeoutMillis: 5000,
    statement_timeout: 10_000,
    query_timeout: 12_000, // the driver's own, for a server that vanished and can't report a timeout
    idle_in_transaction_session_timeout: 2 * transactionTimeoutMs,
    keepAlive: true,
    application_name: 'telephony-agent',
  });
};
