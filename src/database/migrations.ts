/** Which migrations this version comes with, and which of them a database lacks. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SqlQueryable } from '@prisma/driver-adapter-utils';
import type { DatabaseKind } from './address.ts';
import type { MigrationList } from './schema-engine.ts';

const schemaFolder = join(import.meta.dirname, '../../prisma');

export const migrationsFolder = (kind: DatabaseKind): string =>
  kind === 'sqlite' ? join(schemaFolder, 'migrations') : join(schemaFolder, 'postgres', 'migrations');

/** The names of a folder's migrations, oldest first. */
export const listMigrations = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
};

/** A folder's migrations with their scripts, as the schema engine takes them. */
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

/** `pending`: missing in the database. `unknown`: applied by a newer version. */
export type MigrationState = Readonly<{ pending: string[]; unknown: string[] }>;

/** Compares a database's migrations with this version's. */
export const migrationState = async (kind: DatabaseKind, connection: SqlQueryable): Promise<MigrationState> => {
  const [known, applied] = await Promise.all([
    listMigrations(migrationsFolder(kind)),
    appliedMigrations(kind, connection),
  ]);
  return {
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
};

const appliedMigrations = async (kind: DatabaseKind, connection: SqlQueryable): Promise<string[]> => {
  const query = async (sql: string) => (await connection.queryRaw({ sql, args: [], argTypes: [] })).rows;
  const tables = await query(
    kind === 'sqlite'
      ? `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_prisma_migrations'`
      : `SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_prisma_migrations'`,
  );
  if (Number(tables[0]?.[0]) === 0) return [];
  const names = await query(
    'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  return names.map(([name]) => String(name));
};
