/**
 * The database: SQLite in a file or PostgreSQL, one type for both. Stores take a `DbClient` and see nothing else of this file
 * but what tells its errors apart.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  isDriverAdapterError,
  type DriverAdapterError,
  type SqlDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import {
  applyMigrations,
  listMigrations,
  migrationsFolder,
  migrationState,
  type DatabaseKind,
  type MigrationState,
} from './apply-migrations.ts';
import type { Prisma, PrismaClient } from './generated/sqlite/client.ts';
import { blockingWaitMs, guardSqlite } from './sqlite-queue.ts';
import { AppError, describeError } from '../errors.ts';
import type { Log } from '../log.ts';

export type { DatabaseKind };

/** What stores take: the database, or a transaction on it. `kind` is for the rare statement that differs. */
export type DbClient = Prisma.TransactionClient & { readonly kind: DatabaseKind };

/** An open database. Who opens it closes it: `await using db = await openDb(…)`. */
export type Db = PrismaClient & { readonly kind: DatabaseKind } & AsyncDisposable;

type OpenOptions = Readonly<{
  /** Hears of every migration that is applied. */
  log?: Pick<Log, 'info'>;
  /** How long a statement on SQLite is tried again while another process has the file locked. */
  lockedTimeoutMs?: number | undefined;
}>;

/** How long an open transaction may take; inside it only the database is awaited. */
const transactionTimeoutMs = 5000;
const standardLockedTimeoutMs = 10_000;

/** Which database an address means. */
export const databaseKind = (databaseUrl: string): DatabaseKind =>
  databaseUrl.startsWith('file:') ? 'sqlite' : 'postgres';

/** The absolute path of `file:./dev.db` (relative to the working directory) or `file:///srv/dev.db`. */
export const databaseFile = (databaseUrl: string): string => {
  const [address = ''] = databaseUrl.split('?');
  return address.startsWith('file://') ? fileURLToPath(address) : resolve(address.slice('file:'.length));
};

/**
 * Opens the database that `databaseUrl` names (`file:…` or `postgresql://…`). SQLite: makes the file and its folders and applies
 * pending migrations. PostgreSQL: migrating is the operator's decision.
 * @throws AppError `schema_behind` (PostgreSQL), `schema_ahead`, `database_unusable`; nothing is open then
 */
export const openDb = async (databaseUrl: string, { log, lockedTimeoutMs }: OpenOptions = {}): Promise<Db> => {
  const kind = databaseKind(databaseUrl);
  if (kind === 'sqlite') {
    for (const migration of await migrateDb(databaseUrl, { lockedTimeoutMs }))
      log?.info({ migration }, 'migration applied');
  } else {
    await refuseBehind(databaseUrl);
  }
  return connect(kind, await adapterFactory(databaseUrl, lockedTimeoutMs), lockedTimeoutMs);
};

/**
 * Applies to a database, whichever its kind, the migrations that it lacks: all or none.
 * @returns the names of the migrations that were applied now
 * @throws AppError `schema_ahead`, `database_unusable`; nothing has changed then
 */
export const migrateDb = (databaseUrl: string, { lockedTimeoutMs }: Pick<OpenOptions, 'lockedTimeoutMs'> = {}) =>
  sayingWhich(databaseUrl, async (): Promise<string[]> => {
    const kind = databaseKind(databaseUrl);
    if (kind === 'sqlite') await mkdir(dirname(databaseFile(databaseUrl)), { recursive: true });
    const { pending } = await readState(databaseUrl, lockedTimeoutMs);
    if (pending.length === 0) return [];
    return applyMigrations(kind, kind === 'sqlite' ? databaseFile(databaseUrl) : databaseUrl, { lockedTimeoutMs });
  });

const refuseBehind = (databaseUrl: string) =>
  sayingWhich(databaseUrl, async () => {
    const { length } = (await readState(databaseUrl)).pending;
    if (length === 0) return;
    const count = length === 1 ? 'one migration' : `${length} migrations`;
    throw new AppError(
      'schema_behind',
      `The database's schema is behind by ${count}: run \`npm run cli -- db:migrate\`.`,
    );
  });

/**
 * Which migrations a database lacks. Changes nothing: a SQLite file that isn't there yet lacks all, and isn't made.
 * @throws AppError `schema_ahead`, `database_unusable`
 */
export const pendingMigrations = (databaseUrl: string): Promise<readonly string[]> =>
  sayingWhich(databaseUrl, async () => {
    const isNew = databaseKind(databaseUrl) === 'sqlite' && !existsSync(databaseFile(databaseUrl));
    return isNew ? listMigrations(migrationsFolder('sqlite')) : (await readState(databaseUrl)).pending;
  });

const readState = async (databaseUrl: string, lockedTimeoutMs?: number): Promise<MigrationState> => {
  const connection = await (await adapterFactory(databaseUrl, lockedTimeoutMs)).connect();
  try {
    const state = await migrationState(databaseKind(databaseUrl), connection);
    if (state.unknown.length === 0) return state;
    throw new AppError(
      'schema_ahead',
      `The database has migrations that this version doesn't know (${state.unknown.join(', ')}): start the version that made them, or a newer one.`,
    );
  } finally {
    await connection.dispose();
  }
};

/** Gives an error of the driver a sentence that says which database it is about; never its address, which has a password. */
const sayingWhich = async <T>(databaseUrl: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const which =
      databaseKind(databaseUrl) === 'sqlite'
        ? `The database file ${databaseFile(databaseUrl)} (DATABASE_URL) cannot be used`
        : 'The PostgreSQL database that DATABASE_URL names cannot be used';
    throw new AppError('database_unusable', `${which}: ${driverMessage(error)}`, { cause: error });
  }
};

/** The generated client of one kind only is loaded: it takes a while. */
const loadClient = async (kind: DatabaseKind) => {
  if (kind === 'sqlite') return import('./generated/sqlite/client.ts');
  // Both clients are made from one schema: stores use what both have.
  return (await import('./generated/postgres/client.ts')) as typeof import('./generated/sqlite/client.ts');
};

const connect = async (
  kind: DatabaseKind,
  adapter: SqlDriverAdapterFactory,
  lockedTimeoutMs = standardLockedTimeoutMs,
): Promise<Db> => {
  const { PrismaClient } = await loadClient(kind);
  const transactionOptions = { maxWait: lockedTimeoutMs + 2000, timeout: transactionTimeoutMs };
  const client = new PrismaClient({ adapter, errorFormat: 'minimal', transactionOptions });
  await client.tenant.findFirst({ select: { id: true } }); // loads the query compiler now, not with the first call
  return Object.assign(client, { kind, [Symbol.asyncDispose]: () => client.$disconnect() });
};

const adapterFactory = async (
  databaseUrl: string,
  lockedTimeoutMs = standardLockedTimeoutMs,
): Promise<SqlDriverAdapterFactory> => {
  if (databaseKind(databaseUrl) === 'postgres') return postgresFactory(databaseUrl);
  const { PrismaBetterSqlite3 } = await import('@prisma/adapter-better-sqlite3');
  return guardSqlite(new PrismaBetterSqlite3({ url: databaseFile(databaseUrl), timeout: blockingWaitMs }), {
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
    query_timeout: 12_000, // ours, for a server that has vanished and cannot tell
    idle_in_transaction_session_timeout: 2 * transactionTimeoutMs,
    keepAlive: true,
    application_name: 'telephony-agent',
  });
};

const transactionAttempts = 5;

/**
 * Runs `work` in a transaction and gives back what it returns; when it throws, nothing has happened. SQLite locks the file at
 * once (BEGIN IMMEDIATE); on PostgreSQL a conflict with another transaction means that `work` runs again. So `work` awaits only
 * the database and changes nothing outside.
 */
export const transaction = async <T>(db: Db, work: (tx: DbClient) => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.$transaction((tx) => work(tx as DbClient));
    } catch (error) {
      if (attempt === transactionAttempts || !isConflict(error)) throw error;
    }
    await sleep(attempt * 20 * Math.random());
  }
};

/**
 * Whether the database accepts a write within `timeoutMs`; false whatever the reason. It updates the one row of `Heartbeat`: a
 * read proves nothing, because SQLite still answers reads while the file is locked or the disk is full.
 */
export const pingDb = async (db: Db, timeoutMs: number): Promise<boolean> => {
  const now = new Date();
  const answers = db.$executeRaw`
    INSERT INTO "Heartbeat" ("id", "beatAt") VALUES ('health', ${now})
    ON CONFLICT ("id") DO UPDATE SET "beatAt" = ${now}`.then(
    () => true,
    () => false,
  );
  return Promise.race([answers, sleep(timeoutMs, false, { ref: false })]);
};

type DriverCause = DriverAdapterError['cause'];

/** What the driver said, in whatever Prisma wrapped it. */
const driverCause = (error: unknown): DriverCause | null => {
  if (isDriverAdapterError(error)) return error.cause;
  if (!(error instanceof Error) || !('meta' in error)) return null;
  const { meta } = error;
  if (typeof meta !== 'object' || meta === null || !('driverAdapterError' in meta)) return null;
  return isDriverAdapterError(meta.driverAdapterError) ? meta.driverAdapterError.cause : null;
};

const driverMessage = (error: unknown): string => {
  const cause = driverCause(error);
  if (cause === null) return describeError(error);
  return cause.kind === 'DatabaseNotReachable' ? 'no server answers there.' : (cause.originalMessage ?? cause.kind);
};

const prismaCode = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** Whether a row with the same unique value is there already. */
export const isUniqueViolation = (error: unknown): boolean => driverCause(error)?.kind === 'UniqueConstraintViolation';

/** Whether PostgreSQL rolled a transaction back in favour of another: the same again will do. */
const isConflict = (error: unknown): boolean => driverCause(error)?.kind === 'TransactionWriteConflict';

const unavailableKinds: ReadonlySet<DriverCause['kind']> = new Set([
  'SocketTimeout', // SQLite: locked by another process
  'ConnectionClosed',
  'DatabaseNotReachable',
  'TooManyConnections',
  'TlsConnectionError',
]);
/** SQLite: no room, no disk, not writable; PostgreSQL: connection, resources, timeouts, shutting down, read-only, disk. */
const unavailableCodes =
  /^(SQLITE_(FULL|IOERR|READONLY|CANTOPEN|LOCKED|NOMEM)|(08|53|57|58)...$|25006$|25P0[34]$|55P03$)/;
/** What `pg` says without a code. */
const unavailableMessages =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable/i;

/** Whether the database couldn't be asked, or couldn't write (locked, full, gone): the same may do later. */
export const isUnavailable = (error: unknown): boolean => {
  const cause = driverCause(error);
  if (cause !== null) return unavailableKinds.has(cause.kind) || unavailableCodes.test(cause.originalCode ?? '');
  if (prismaCode(error) === 'P2028') return true; // no transaction could be started, or it took too long
  return error instanceof Error && unavailableMessages.test(error.message);
};
