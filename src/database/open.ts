/** Opening the database: SQLite in a file or PostgreSQL, with one type for both. */
import { adapterFactory, defaultLockedTimeoutMs, transactionTimeoutMs } from './adapters.ts';
import { databaseKind, type DatabaseKind } from './address.ts';
import type { Prisma, PrismaClient } from './generated/sqlite/client.ts';
import { migrateDb, requireCurrentSchema } from './migrate.ts';
import type { Log } from '../log.ts';

/** What stores take: the database, or a transaction on it. `kind` is for the rare statement that differs. */
export type DbClient = Prisma.TransactionClient & { readonly kind: DatabaseKind };

/** An open database. Its opener closes it: `await using db = await openDb(…)`. */
export type Db = PrismaClient & { readonly kind: DatabaseKind } & AsyncDisposable;

type OpenOptions = Readonly<{
  /** Gets a line for every migration that is applied. */
  log?: Pick<Log, 'info'>;
  /** How long a statement on SQLite is retried while another process has the file locked. */
  lockedTimeoutMs?: number | undefined;
}>;

/**
 * Opens the database at `databaseUrl` (`file:…` or `postgresql://…`). On SQLite it creates the file and its folders and applies
 * pending migrations; on PostgreSQL, migrating is left to the operator.
 * @throws AppError `schema_behind` (PostgreSQL only), `schema_ahead`, `database_unusable`; nothing stays open
 */
export const openDb = async (databaseUrl: string, { log, lockedTimeoutMs }: OpenOptions = {}): Promise<Db> => {
  const kind = databaseKind(databaseUrl);
  if (kind === 'sqlite') {
    for (const migration of await migrateDb(databaseUrl, { lockedTimeoutMs }))
      log?.info({ migration }, 'migration applied');
  } else {
    await requireCurrentSchema(databaseUrl);
  }
  const { PrismaClient } = await loadClient(kind);
  const client = new PrismaClient({
    adapter: await adapterFactory(databaseUrl, lockedTimeoutMs),
    errorFormat: 'minimal',
    transactionOptions: {
      maxWait: (lockedTimeoutMs ?? defaultLockedTimeoutMs) + 2000,
      timeout: transactionTimeoutMs,
    },
  });
  await client.tenant.findFirst({ select: { id: true } }); // loads the query compiler now, not with the first call
  return Object.assign(client, { kind, [Symbol.asyncDispose]: () => client.$disconnect() });
};

/** Loads the generated client of one kind only: each takes a while. */
const loadClient = async (kind: DatabaseKind) => {
  if (kind === 'sqlite') return import('./generated/sqlite/client.ts');
  // Both clients are generated from one schema, and stores use only what both have.
  return (await import('./generated/postgres/client.ts')) as typeof import('./generated/sqlite/client.ts');
};
