/**
 * For developers who changed schema.prisma:
 *
 *   node scripts/migrate.ts new NAME    writes prisma/postgres/schema.prisma and a migration for both databases
 *   node scripts/migrate.ts generate    writes prisma/postgres/schema.prisma, after a change that needs no migration
 *   node scripts/migrate.ts check       exits 1 and lists what is out of sync
 *
 * prisma/postgres/schema.prisma always matches the migrations: `new` compares schema.prisma with it.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { ColumnTypeEnum, type SqlDriverAdapter, type SqlQueryable } from '@prisma/driver-adapter-utils';
import type { DatabaseKind } from '#src/database/address.ts';
import { migrateOpenSqlite } from '#src/database/apply-migrations.ts';
import { migrationsFolder, readMigrations } from '#src/database/migrations.ts';
import { noFilter, openSchemaEngine, type DiffTarget } from '#src/database/schema-engine.ts';

const schemaFolder = join(import.meta.dirname, '../prisma');
const schemaFile = join(schemaFolder, 'schema.prisma');
const postgresSchemaFile = join(schemaFolder, 'postgres', 'schema.prisma');

/** The only differences between the two schemas. */
const differences = [
  [
    'output              = "../src/database/generated/sqlite"',
    'output              = "../../src/database/generated/postgres"',
  ],
  ['provider = "sqlite"', 'provider = "postgresql"'],
] as const;
const postgresHeader = '// Generated from ../schema.prisma by `node scripts/migrate.ts`: edit that file instead.\n\n';

const replaceOnce = (text: string, from: string, to: string): string => {
  if (text.split(from).length !== 2) throw new Error(`A Prisma schema must contain this line exactly once: ${from}`);
  return text.replace(from, to);
};

/** The PostgreSQL schema that corresponds to a schema.prisma. */
export const toPostgres = (schema: string): string =>
  postgresHeader + differences.reduce((text, [sqlite, postgres]) => replaceOnce(text, sqlite, postgres), schema);

/** The schema.prisma that a PostgreSQL schema was generated from. */
const toSqlite = (schema: string): string =>
  differences.reduce(
    (text, [sqlite, postgres]) => replaceOnce(text, postgres, sqlite),
    schema.replace(postgresHeader, ''),
  );

/** To compare schemas, the engine asks PostgreSQL only for its version. */
const silentPostgres: SqlDriverAdapter = {
  provider: 'postgres',
  adapterName: '@prisma/adapter-pg',
  queryRaw: async () => ({
    columnNames: ['exists', 'version', 'numeric_version'],
    columnTypes: [ColumnTypeEnum.Boolean, ColumnTypeEnum.Text, ColumnTypeEnum.Text],
    rows: [[true, 'PostgreSQL 16.0', '160000']],
  }),
  executeRaw: async () => 0,
  executeScript: async () => undefined,
  startTransaction: async () => {
    throw new Error('No database is connected.');
  },
  dispose: async () => undefined,
};

const openMemory = () => new PrismaBetterSqlite3({ url: ':memory:' }).connect();

/**
 * The SQL that turns one schema into another.
 * @param from null: an empty database
 * @returns null if the schemas are equivalent
 */
export const diffSchemas = async (kind: DatabaseKind, from: string | null, to: string): Promise<string | null> => {
  const adapter = kind === 'sqlite' ? await openMemory() : silentPostgres;
  const target = (content: string): DiffTarget => ({
    tag: 'schemaDatamodel',
    files: [{ path: 'schema.prisma', content }],
  });
  try {
    using engine = await openSchemaEngine(adapter, to);
    const { stdout, exitCode } = await engine.diff({
      from: from === null ? { tag: 'empty' } : target(from),
      to: target(to),
      script: true,
      exitCode: true,
      filters: noFilter,
    });
    if (exitCode === 0 || stdout === null) return null;
    return kind === 'sqlite' ? quoteJsonDefaults(stdout) : stdout;
  } finally {
    await adapter.dispose();
  }
};

/** On SQLite the engine omits the quotes around JSON defaults, which makes the SQL invalid. */
const quoteJsonDefaults = (sql: string): string => sql.replace(/( JSONB .*DEFAULT )([{[].*[}\]])(,?)$/gm, "$1'$2'$3");

const readSchemas = async () => {
  const next = await readFile(schemaFile, 'utf8');
  const previous = existsSync(postgresSchemaFile) ? await readFile(postgresSchemaFile, 'utf8') : null;
  return { next, previous };
};

/** Each database's migration; null if none is needed. */
const diffBoth = async ({ next, previous }: { next: string; previous: string | null }) => ({
  sqlite: await diffSchemas('sqlite', previous === null ? null : toSqlite(previous), next),
  postgres: await diffSchemas('postgres', previous, toPostgres(next)),
});

const writePostgresSchema = async (schema: string): Promise<void> => {
  await mkdir(join(postgresSchemaFile, '..'), { recursive: true });
  await writeFile(postgresSchemaFile, toPostgres(schema));
};

const generate = async (): Promise<number> => {
  const schemas = await readSchemas();
  const { sqlite, postgres } = await diffBoth(schemas);
  if (sqlite !== null || postgres !== null) {
    console.error('This change needs a migration: run `node scripts/migrate.ts new NAME`.');
    return 1;
  }
  await writePostgresSchema(schemas.next);
  console.log('prisma/postgres/schema.prisma is up to date.');
  return 0;
};

const writeMigration = async (kind: DatabaseKind, name: string, sql: string): Promise<void> => {
  const folder = join(migrationsFolder(kind), name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'migration.sql'), sql);
  const provider = kind === 'sqlite' ? 'sqlite' : 'postgresql';
  await writeFile(
    join(migrationsFolder(kind), 'migration_lock.toml'),
    `# Read by Prisma: do not edit.\nprovider = "${provider}"\n`,
  );
  console.log(`Wrote ${join(folder, 'migration.sql')}: review it before you commit it.`);
};

const createMigration = async (name: string): Promise<number> => {
  if (!/^[a-z0-9_]+$/.test(name)) {
    console.error('The name of a migration consists of lower-case letters, digits and underscores: new NAME.');
    return 1;
  }
  const schemas = await readSchemas();
  const { sqlite, postgres } = await diffBoth(schemas);
  const timestamp = new Date().toISOString().replace(/[-:T]/g, '').slice(0, 14);
  if (sqlite !== null) await writeMigration('sqlite', `${timestamp}_${name}`, sqlite);
  if (postgres !== null) await writeMigration('postgres', `${timestamp}_${name}`, postgres);
  if (sqlite === null && postgres === null) console.log('No migration is needed.');
  await writePostgresSchema(schemas.next);
  return 0;
};

/** Every part of an SQLite schema, sorted so that the order of creation doesn't matter. */
const describeSqlite = async (connection: SqlQueryable): Promise<string[]> => {
  const tables = `FROM sqlite_master m JOIN pragma_`;
  const only = `WHERE m.type = 'table' AND m.name NOT IN ('_prisma_migrations', 'sqlite_sequence')`;
  const { rows } = await connection.queryRaw({
    sql: `SELECT 'column', m.name, x.name, x.type, x."notnull", x.dflt_value, x.pk ${tables}table_info(m.name) x ${only}
      UNION ALL SELECT 'key', m.name, x."from", x."table", x."to", x.on_delete, x.on_update
        ${tables}foreign_key_list(m.name) x ${only}
      UNION ALL SELECT 'index', name, sql, '', '', '', '' FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`,
    args: [],
    argTypes: [],
  });
  return rows.map((row) => row.join(' ')).sort();
};

/** Applies the SQLite migrations, and compares the result with the schema. */
const compareSqlite = async (schema: string): Promise<string[]> => {
  const [migrated, wanted] = await Promise.all([openMemory(), openMemory()]);
  try {
    await migrateOpenSqlite(migrated, await readMigrations(migrationsFolder('sqlite')), 0);
    await wanted.executeScript((await diffSchemas('sqlite', null, schema)) ?? '');
    const [has, needs] = await Promise.all([describeSqlite(migrated), describeSqlite(wanted)]);
    return [
      ...needs.filter((part) => !has.includes(part)).map((part) => `missing from the migrations: ${part}`),
      ...has.filter((part) => !needs.includes(part)).map((part) => `missing from the schema: ${part}`),
    ];
  } finally {
    await Promise.all([migrated.dispose(), wanted.dispose()]);
  }
};

/**
 * What is out of sync between schema.prisma, the PostgreSQL schema and the SQLite migrations, one line each. (PostgreSQL's
 * migrations are tested on a real server, in test/service/migrate.test.ts.)
 */
const findDrift = async (): Promise<string[]> => {
  const { next, previous } = await readSchemas();
  const drift = await compareSqlite(next);
  return [
    ...(previous === toPostgres(next) ? [] : ['prisma/postgres/schema.prisma does not match schema.prisma.']),
    ...drift.map((part) => `prisma/migrations: ${part}`),
  ];
};

const check = async (): Promise<number> => {
  const drift = await findDrift();
  for (const line of drift) console.error(line);
  if (drift.length > 0) console.error('Run `node scripts/migrate.ts new NAME`.');
  return drift.length === 0 ? 0 : 1;
};

const usage = async (): Promise<number> => {
  console.error('Usage: node scripts/migrate.ts new NAME | generate | check');
  return 2;
};

if (import.meta.main) {
  const [command, name = ''] = process.argv.slice(2);
  const commands: Record<string, () => Promise<number>> = { new: () => createMigration(name), generate, check };
  process.exitCode = await (commands[command ?? ''] ?? usage)();
}
