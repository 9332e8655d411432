/** Whether a database's schema is the one that this version needs, and bringing it there. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { adapterFactory } from './adapters.ts';
import { databaseFile, databaseKind } from './address.ts';
import { applyMigrations } from './apply-migrations.ts';
import { driverMessage } from './driver-errors.ts';
import { listMigrations, migrationsFolder, migrationState, type MigrationState } from './migrations.ts';
import { AppError } from '../errors.ts';

/**
 * Applies pending migrations to either kind of database: all of them or none.
 * @returns the names of the migrations that were applied
 * @throws AppError `schema_ahead`, `database_unusable`; the database is unchanged
 */
export const migrateDb = (
  databaseUrl: string,
  { lockedTimeoutMs }: Readonly<{ lockedTimeoutMs?: number | undefined }> = {},
): Promise<string[]> =>
  namingDatabase(databaseUrl, async () => {
    const kind = databaseKind(databaseUrl);
    if (kind === 'sqlite') await mkdir(dirname(databaseFile(databaseUrl)), { recursive: true });
    const { pending } = await readState(databaseUrl, lockedTimeoutMs);
    if (pending.length === 0) return [];
    return applyMigrations(kind, kind === 'sqlite' ? databaseFile(databaseUrl) : databaseUrl, { lockedTimeoutMs });
  });

/**
 * The migrations that a database lacks. Changes nothing: an SQLite file that doesn't exist lacks all of them and isn't created.
 * @throws AppError `schema_ahead`, `database_unusable`
 */
export const pendingMigrations = (databaseUrl: string): Promise<readonly string[]> =>
  namingDatabase(databaseUrl, async () => {
    const isNew = databaseKind(databaseUrl) === 'sqlite' && !existsSync(databaseFile(databaseUrl));
    return isNew ? listMigrations(migrationsFolder('sqlite')) : (await readState(databaseUrl)).pending;
  });

/** @throws AppError `schema_behind`, `schema_ahead`, `database_unusable` */
export const requireCurrentSchema = (databaseUrl: string): Promise<void> =>
  namingDatabase(databaseUrl, async () => {
    const { pending } = await readState(databaseUrl);
    if (pending.length === 0) return;
    const count = pending.length === 1 ? '1 migration' : `${pending.length} migrations`;
    throw new AppError('schema_behind', `The database schema is ${count} behind: run \`npm run cli -- db:migrate\`.`);
  });

const readState = async (databaseUrl: string, lockedTimeoutMs?: number): Promise<MigrationState> => {
  const connection = await (await adapterFactory(databaseUrl, lockedTimeoutMs)).connect();
  try {
    const state = await migrationState(databaseKind(databaseUrl), connection);
    if (state.unknown.length === 0) return state;
    throw new AppError(
      'schema_ahead',
      `The database has migrations that this version doesn't know (${state.unknown.join(', ')}): run the version that applied them, or a newer one.`,
    );
  } finally {
    await connection.dispose();
  }
};

/** Turns a driver error into an AppError that names the database, but never its URL, which contains a password. */
const namingDatabase = async <T>(databaseUrl: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const database =
      databaseKind(databaseUrl) === 'sqlite'
        ? `the database file ${databaseFile(databaseUrl)} (DATABASE_URL)`
        : 'the PostgreSQL database in DATABASE_URL';
    throw new AppError('database_unusable', `Cannot use ${database}: ${driverMessage(error)}`, { cause: error });
  }
};
