/** Migrations: they match the schema, are applied all or none, and drift is found. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { applyMigrations } from '#src/database/apply-migrations.ts';
import { listMigrations, migrationsFolder } from '#src/database/migrations.ts';
import { diffSchemas, toPostgres } from '#scripts/migrate.ts';
import { databaseFile, type DatabaseKind } from '#src/database/address.ts';
import { migrateDb } from '#src/database/migrate.ts';
import { openDb } from '#src/database/open.ts';
import { createDatabase, describeBothDatabases, useTestDatabases } from '#test/support/database.ts';
import { query } from '#test/support/postgres.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const databases = useTestDatabases();

/** What `applyMigrations` takes. */
const placeOf = (kind: DatabaseKind, url: string): string => (kind === 'sqlite' ? databaseFile(url) : url);

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-migrate-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** A copy of the released migrations, to which a test adds. */
const copyMigrations = async (kind: DatabaseKind): Promise<string> => {
  const folder = join(await newFolder(), 'migrations');
  await cp(migrationsFolder(kind), folder, { recursive: true });
  return folder;
};

const addMigration = async (folder: string, name: string, sql: string): Promise<void> => {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'migration.sql'), sql);
};

describeBothDatabases('migrations', (_, { kind }) => {
  test("are recorded in Prisma's table, once, with the checksum of the script", async () => {
    const url = await createDatabase(kind, databases(), { migrated: false });
    const names = await listMigrations(migrationsFolder(kind));
    expect(await migrateDb(url)).toEqual(names);
    expect(await migrateDb(url)).toEqual([]);
    await using db = await openDb(url);
    const rows = await db.$queryRaw<
      Record<string, unknown>[]
    >`SELECT * FROM _prisma_migrations ORDER BY migration_name`;
    const scripts = await Promise.all(
      names.map((name) => readFile(join(migrationsFolder(kind), name, 'migration.sql'))),
    );
    expect(rows).toMatchObject(
      names.map((name, index) => ({
        migration_name: name,
        checksum: createHash('sha256')
          .update(scripts[index] ?? '')
          .digest('hex'),
        logs: null,
        rolled_back_at: null,
        finished_at: expect.anything() as unknown,
      })),
    );
  });

  test('are applied by one of several processes that start at once', async () => {
    const url = await createDatabase(kind, databases(), { migrated: false });
    const applied = await Promise.all(Array.from({ length: 3 }, () => migrateDb(url)));
    expect(applied.flat()).toEqual(await listMigrations(migrationsFolder(kind)));
  });

  test('change nothing if one of them fails, and apply once it is fixed', async () => {
    const url = await createDatabase(kind, databases());
    const folder = await copyMigrations(kind);
    await addMigration(folder, '29990101000000_good', 'CREATE TABLE "Good" (id TEXT);');
    await addMigration(
      folder,
      '29990102000000_bad',
      'CREATE TABLE "Half" (id TEXT); INSERT INTO "Nowhere" VALUES (1);',
    );
    await expect(applyMigrations(kind, placeOf(kind, url), { folder })).rejects.toThrow(/Nowhere/);
    {
      await using db = await openDb(url); // would be refused if the first one had been kept
      await expect(db.$queryRaw`SELECT * FROM "Good"`).rejects.toThrow();
      await expect(db.$queryRaw`SELECT * FROM "Half"`).rejects.toThrow();
    }
    await addMigration(folder, '29990102000000_bad', 'CREATE TABLE "Half" (id TEXT);');
    const applied = await applyMigrations(kind, placeOf(kind, url), { folder });
    expect(applied).toEqual(['29990101000000_good', '29990102000000_bad']);
  });

  test('of the vocabulary: stored events and routings get their new words', async () => {
    const url = await createDatabase(kind, databases(), { migrated: false });
    const folder = await copyMigrations(kind);
    const names = await listMigrations(folder);
    const first = names.findIndex((name) => name.endsWith('_vocabulary'));
    for (const name of names.slice(first)) await rm(join(folder, name), { recursive: true });
    await applyMigrations(kind, placeOf(kind, url), { folder });
    const now = kind === 'sqlite' ? `'2026-01-01T00:00:00.000Z'` : 'now()';
    const events = [
      ['dispatched_again', '{"by":"one"}'],
      ['redispatched', '{"attempt":0}'],
      ['redispatched', '{"attempt":1}'],
      ['trouble', '{"part":"llm","detail":"429"}'],
      ['ordered', '{"order":"say"}'],
      ['order_lost', '{"order":"end"}'],
      ['transfer_asked', '{"destination":"Front desk"}'],
      ['handed_over', '{"agentName":"sales"}'],
      ['hand_over_failed', '{"agentName":"sales"}'],
      ['claimed', '{"attempt":1}'],
    ];
    const rows = `
      INSERT INTO "CallLog" ("id", "phoneNumber", "dialledNumber", "callSid", "roomName", "routing", "updatedAt") VALUES
        ('a', '+1', '+2', 'sa', 'ra', '{"door":"asked","reasons":["one"]}', ${now}),
        ('b', '+1', '+2', 'sb', 'rb', '{"door":"joined","reasons":[]}', ${now}),
        ('c', '+1', '+2', 'sc', 'rc', '{"door":"job","reasons":[]}', ${now}),
        ('d', '+1', '+2', 'sd', 'rd', '{}', ${now});
      ${events.map(([type, data]) => `INSERT INTO "CallEvent" ("callId", "type", "data") VALUES ('a', '${type}', '${data}');`).join('\n')}`;
    if (kind === 'sqlite') new Database(databaseFile(url)).exec(rows).close();
    else await query(url, rows);
    expect(await migrateDb(url)).toEqual(names.slice(first));
    await using db = await openDb(url);
    const routings = (await db.callLog.findMany({ orderBy: { id: 'asc' } })).map(({ routing }) => routing);
    expect(routings).toEqual([
      { source: 'webhook', reasons: ['one'] },
      { source: 'participant', reasons: [] },
      { source: 'job', reasons: [] },
      {},
    ]);
    const later = await db.callEvent.findMany({ orderBy: { seq: 'asc' } });
    expect(later.map(({ type, data }) => [type, data])).toEqual([
      ['redispatched', { by: 'one', reason: 'job_refused' }],
      ['redispatched', { attempt: 0, reason: 'no_agent' }],
      ['redispatched', { attempt: 1, reason: 'agent_lost' }],
      ['failure', { part: 'llm', detail: '429' }],
      ['command_delivered', { command: 'say' }],
      ['command_lost', { command: 'end' }],
      ['transfer_requested', { destination: 'Front desk' }],
      ['agent_called_in', { agentName: 'sales' }],
      ['agent_call_in_failed', { agentName: 'sales' }],
      ['claimed', { attempt: 1 }],
    ]);
  });

  test('of API access: leads get the tenant of their campaign, and nothing is lost', async () => {
    const url = await createDatabase(kind, databases(), { migrated: false });
    const folder = await copyMigrations(kind);
    const names = await listMigrations(folder);
    const first = names.findIndex((name) => name.endsWith('_access'));
    for (const name of names.slice(first)) await rm(join(folder, name), { recursive: true });
    await applyMigrations(kind, placeOf(kind, url), { folder });
    const now = kind === 'sqlite' ? `'2026-01-01T00:00:00.000Z'` : 'now()';
    const rows = `
      INSERT INTO "Tenant" ("id", "name", "updatedAt") VALUES ('t', 'Dental', ${now});
      INSERT INTO "Campaign" ("id", "tenantId", "name", "updatedAt") VALUES ('c', 't', 'Front desk', ${now});
      INSERT INTO "Lead" ("id", "campaignId", "phoneNumber", "name", "updatedAt") VALUES ('l', 'c', '+1', 'Ann', ${now});
      INSERT INTO "CallLog" ("id", "leadId", "campaignId", "tenantId", "phoneNumber", "dialledNumber", "callSid", "roomName",
        "updatedAt") VALUES ('k', 'l', 'c', 't', '+1', '+2', 's', 'r', ${now});
      INSERT INTO "CallTurn" ("id", "callId", "seq", "role", "text", "startMs", "endMs")
        VALUES ('u', 'k', 0, 'agent', 'Hello!', 0, 9);`;
    if (kind === 'sqlite') new Database(databaseFile(url)).exec(rows).close();
    else await query(url, rows);
    expect(await migrateDb(url)).toEqual(names.slice(first));
    await using db = await openDb(url);
    expect(await db.lead.findMany({ include: { calls: { include: { turns: true } } } })).toMatchObject([
      { tenantId: 't', name: 'Ann', version: 0, calls: [{ campaignVersionId: null, turns: [{ text: 'Hello!' }] }] },
    ]);
    expect(await db.campaign.findMany()).toMatchObject([
      {
        draft: {},
        publishedVersionId: null,
        silenceAskMs: 10_000,
        speakingRate: 1,
        turnPatience: 1,
        greetingProtectedMs: 0,
      },
    ]);
  });
});

test('SQLite: rebuilding a table keeps the rows that refer to it', async () => {
  const url = await createDatabase('sqlite', databases());
  {
    await using db = await openDb(url);
    const call = { callSid: 'SIP1', roomName: 'r', phoneNumber: '+15551234567', dialedNumber: '+18588796658' };
    await db.callLog.create({ data: { ...call, events: { create: [{ type: 'received' }] } } });
  }
  const folder = await copyMigrations('sqlite');
  const next = (await readFile(join(root, 'prisma/schema.prisma'), 'utf8')).replace(
    /^( +dialedNumber +String)( +@map)/m,
    '$1?$2',
  );
  const sql = await diffSchemas('sqlite', await readFile(join(root, 'prisma/schema.prisma'), 'utf8'), next);
  expect(sql).toContain('DROP TABLE "CallLog"');
  await addMigration(folder, '29990101000000_optional', sql ?? '');
  expect(await applyMigrations('sqlite', databaseFile(url), { folder })).toEqual(['29990101000000_optional']);
  const file = new Database(databaseFile(url), { readonly: true });
  onTestFinished(() => void file.close());
  const kept = file.prepare('SELECT type, "callSid" FROM "CallEvent" JOIN "CallLog" ON "CallLog".id = "callId"').all();
  expect(kept).toEqual([{ type: 'received', callSid: 'SIP1' }]);
});

test('PostgreSQL: the migrations match the schema', async () => {
  const [migrated, wanted] = await Promise.all([
    createDatabase('postgres', databases()),
    createDatabase('postgres', databases(), { migrated: false }),
  ]);
  const schema = toPostgres(await readFile(join(root, 'prisma/schema.prisma'), 'utf8'));
  await query(wanted, (await diffSchemas('postgres', null, schema)) ?? '');
  const described = await describePostgres(wanted);
  expect(described.length).toBeGreaterThan(100);
  expect(await describePostgres(migrated)).toEqual(described);
});

/** Every part of a PostgreSQL schema, sorted so that the order of creation doesn't matter. */
const describePostgres = async (url: string): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ part: string }>(`
      SELECT concat_ws(' ', 'column', table_name, column_name, udt_name, is_nullable, column_default, datetime_precision) AS part
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'
      UNION ALL SELECT 'index ' || indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'
      UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid <> coalesce(to_regclass('_prisma_migrations'), 0::oid)
      UNION ALL SELECT concat_ws(' ', 'enum', t.typname, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder))
        FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY t.typname`);
    return rows.map(({ part }) => part).sort();
  } finally {
    await client.end();
  }
};

/** A copy of the schemas and the migration code, as a developer's checkout. */
const copyProject = async () => {
  const folder = await newFolder();
  for (const part of ['prisma', 'scripts', 'src/database'])
    await cp(join(root, part), join(folder, part), { recursive: true, filter: (path) => !path.includes('generated') });
  for (const file of ['package.json', 'src/errors.ts']) await cp(join(root, file), join(folder, file));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const schemaFile = join(folder, 'prisma/schema.prisma');
  return {
    migrations: join(folder, 'prisma/migrations'),
    postgresSchema: join(folder, 'prisma/postgres/schema.prisma'),
    change: async (from: string | RegExp, to: string) =>
      writeFile(schemaFile, (await readFile(schemaFile, 'utf8')).replace(from, to)),
    /** Runs `node scripts/migrate.ts …`. */
    migrate: async (...args: string[]) => {
      const command = run(process.execPath, [join(folder, 'scripts/migrate.ts'), ...args]);
      const { stdout, stderr } = await command.catch((error: { stdout: string; stderr: string }) => error);
      return { code: command.child.exitCode, said: stdout + stderr };
    },
  };
};

test('the check finds nothing in this checkout', async () => {
  const { stderr } = await run(process.execPath, [join(root, 'scripts/migrate.ts'), 'check']);
  expect(stderr).toBe('');
});

test('a change without a migration is found by the check, refused by generate, and done by new', async () => {
  const project = await copyProject();
  await project.change('model Tenant {', 'model Tenant {\n  notes String?');
  expect(await project.migrate('check')).toMatchObject({
    code: 1,
    said: expect.stringContaining('column Tenant notes') as unknown,
  });
  expect(await project.migrate('generate')).toMatchObject({ code: 1 });
  expect(await project.migrate('new', 'notes')).toMatchObject({ code: 0 });
  expect(await project.migrate('check')).toEqual({ code: 0, said: '' });
  const [, added = ''] = (await listMigrations(project.migrations)).slice(-2);
  expect(await readFile(join(project.migrations, added, 'migration.sql'), 'utf8')).toContain('ADD COLUMN "notes" TEXT');
});

test('a change that needs no migration only needs generate', async () => {
  const project = await copyProject();
  await project.change('model Tenant {', '// A customer.\nmodel Tenant {');
  expect(await project.migrate('check')).toMatchObject({
    code: 1,
    said: expect.stringContaining('postgres/schema.prisma') as unknown,
  });
  expect(await project.migrate('generate')).toMatchObject({ code: 0 });
  expect(await project.migrate('check')).toEqual({ code: 0, said: '' });
});

test('an edited migration and an edited PostgreSQL schema are found', async () => {
  const project = await copyProject();
  for (const name of await listMigrations(project.migrations)) {
    const script = join(project.migrations, name, 'migration.sql');
    const sql = await readFile(script, 'utf8');
    await writeFile(script, sql.replace('CREATE UNIQUE INDEX "Agent_tenantId_default_key"', '-- '));
  }
  await writeFile(
    project.postgresSchema,
    (await readFile(project.postgresSchema, 'utf8')).replace('model Tenant', 'model Tenants'),
  );
  const { code, said } = await project.migrate('check');
  expect(code).toBe(1);
  expect(said).toContain('Agent_tenantId_default_key');
  expect(said).toContain('prisma/postgres/schema.prisma');
});
