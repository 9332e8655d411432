/** Fresh, migrated databases: SQLite and PostgreSQL run the same tests. */
import { afterAll, beforeAll, describe, inject, onTestFinished } from 'vitest';
import type { DatabaseKind } from '#src/database/address.ts';
import { openDb, type Db } from '#src/database/open.ts';
import { makeDatabase, startTestDatabases, type TestDatabases } from './postgres.ts';

/** Opens a fresh database, which is closed and deleted after the test. */
export type OpenTestDb = (options?: Parameters<typeof openDb>[1]) => Promise<Db>;

/** For tests of both databases that open and close them by themselves. */
export type BothDatabases = Readonly<{ kind: DatabaseKind; databases: () => TestDatabases }>;

/**
 * Defines the same tests for both databases.
 *
 *   describeBothDatabases('leads', (openDatabase) => {
 *     test('…', async () => { const db = await openDatabase(); … });
 *   });
 */
export const describeBothDatabases = (
  name: string,
  define: (openDatabase: OpenTestDb, both: BothDatabases) => void,
): void => {
  describe.each(['sqlite', 'postgres'] as const)(`${name} (%s)`, (kind) => {
    const databases = useTestDatabases();
    const openDatabase: OpenTestDb = async (options) => {
      const db = await openDb(await createDatabase(kind, databases()), options);
      onTestFinished(async () => db[Symbol.asyncDispose]());
      return db;
    };
    define(openDatabase, { kind, databases });
  });
};

/** Creates a database that is deleted after the test, migrated by default. Returns its URL. */
export const createDatabase = async (
  kind: DatabaseKind,
  databases: TestDatabases,
  options?: { migrated: boolean },
): Promise<string> => {
  const database = await makeDatabase(kind, databases, options);
  onTestFinished(async () => database[Symbol.asyncDispose]());
  return database.url;
};

/** The databases of this run (globalSetup in vitest.config.ts), or a pair of this suite's own where there are none. */
export const useTestDatabases = (): (() => TestDatabases) => {
  const shared = inject('testDatabases');
  if (shared !== undefined) return () => shared;
  const own = new AsyncDisposableStack();
  let started: TestDatabases | undefined;
  beforeAll(async () => {
    started = own.use(await startTestDatabases());
  });
  afterAll(() => own.disposeAsync());
  return () => {
    if (started === undefined) throw new Error('The test databases are there inside tests only.');
    return started;
  };
};
