/** The guarantees that stores rely on, on both databases. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { listMigrations, migrationsFolder } from '#src/database/migrations.ts';
import { AppError } from '#src/errors.ts';
import { isUnavailable, isUniqueViolation } from '#src/database/driver-errors.ts';
import { openDb, type DbClient } from '#src/database/open.ts';
import { pingDb } from '#src/database/ping.ts';
import { transaction } from '#src/database/transaction.ts';
import { createDatabase, describeBothDatabases, useTestDatabases } from '#test/support/database.ts';
import { query } from '#test/support/postgres.ts';

const databases = useTestDatabases();

const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.fail('it should have failed'),
    (error: unknown) => error,
  );

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-open-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

const newCall = (callSid: string, openRoom: string | null) => ({
  callSid,
  openRoom,
  roomName: 'room',
  phoneNumber: '+15551234567',
  dialedNumber: '+18588796658',
});

describeBothDatabases('the database', (openDatabase, { kind, databases }) => {
  test('a store works on the database and in a transaction, and knows which kind it is', async () => {
    const db = await openDatabase();
    const findTenant = (client: DbClient, id: string) => client.tenant.findUnique({ where: { id } });
    const { id } = await db.tenant.create({ data: { name: 'Dental' } });
    expect((await findTenant(db, id))?.name).toBe('Dental');
    expect(db.kind).toBe(kind);
    const inside = await transaction(db, async (tx) => ({ tenant: await findTenant(tx, id), kind: tx.kind }));
    expect(inside).toMatchObject({ tenant: { name: 'Dental' }, kind });
  });

  test('a transaction that throws is rolled back', async () => {
    const db = await openDatabase();
    const failed = transaction(db, async (tx) => {
      await tx.tenant.create({ data: { name: 'Dental' } });
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await db.tenant.count()).toBe(0);
  });

  test('transactions that lock a row, count and insert do not race', async () => {
    const db = await openDatabase();
    const { id } = await db.tenant.create({ data: { name: 'Dental' } });
    const admit = (name: string) =>
      transaction(db, async (tx) => {
        if (tx.kind === 'postgres') await tx.$queryRaw`SELECT id FROM "Tenant" WHERE id = ${id} FOR UPDATE`;
        if ((await tx.agent.count({ where: { tenantId: id } })) >= 3) return false;
        await tx.agent.create({ data: { tenantId: id, name } });
        return true;
      });
    const admitted = await Promise.all(Array.from({ length: 12 }, (_, index) => admit(`agent-${index}`)));
    expect(admitted.filter(Boolean)).toHaveLength(3);
  });

  test('a unique violation is recognized, in raw queries and transactions too', async () => {
    const db = await openDatabase();
    const { id } = await db.callLog.create({ data: newCall('SIP1', 'room') });
    const failures = [
      await failureOf(db.callLog.create({ data: newCall('SIP1', null) })),
      await failureOf(db.callLog.create({ data: newCall('SIP2', 'room') })),
      await failureOf(transaction(db, (tx) => tx.callLog.create({ data: newCall('SIP1', null) }))),
      await failureOf(
        db.$executeRaw`INSERT INTO "Tenant" (id, name, "updatedAt") VALUES (${id}, 'a', ${new Date()}), (${id}, 'b', ${new Date()})`,
      ),
    ];
    expect(failures.map(isUniqueViolation)).toEqual([true, true, true, true]);
    expect(failures.map(isUnavailable)).toEqual([false, false, false, false]);
    const otherFailure = await failureOf(db.callEvent.create({ data: { callId: 'none', type: 'x' } }));
    expect([isUniqueViolation(otherFailure), isUnavailable(otherFailure)]).toEqual([false, false]);
  });

  test('any number of calls of a room may be closed, one may be open', async () => {
    const db = await openDatabase();
    await db.callLog.create({ data: newCall('SIP1', null) });
    await db.callLog.create({ data: newCall('SIP2', null) });
    await db.callLog.create({ data: newCall('SIP3', 'room') });
    expect(await db.callLog.count()).toBe(3);
  });

  test('a tenant has at most one active default agent', async () => {
    const db = await openDatabase();
    const { id: tenantId } = await db.tenant.create({ data: { name: 'Dental' } });
    const { id: otherTenant } = await db.tenant.create({ data: { name: 'Other' } });
    await db.agent.create({ data: { tenantId, name: 'first', isDefault: true } });
    await db.agent.create({ data: { tenantId: otherTenant, name: 'first', isDefault: true } });
    await db.agent.create({ data: { tenantId, name: 'inactive', isDefault: true, isActive: false } });
    await db.agent.create({ data: { tenantId, name: 'no default' } });
    const second = await failureOf(db.agent.create({ data: { tenantId, name: 'second', isDefault: true } }));
    expect(isUniqueViolation(second)).toBe(true);
    const activated = db.agent.updateMany({ where: { tenantId, name: 'inactive' }, data: { isActive: true } });
    expect(isUniqueViolation(await failureOf(activated))).toBe(true);
  });

  test("a number cannot have another tenant's campaign", async () => {
    const db = await openDatabase();
    const { id: tenantId } = await db.tenant.create({ data: { name: 'Dental' } });
    const { id: otherTenant } = await db.tenant.create({ data: { name: 'Other' } });
    const { id: campaignId } = await db.campaign.create({ data: { tenantId: otherTenant, name: 'Theirs' } });
    const data = { number: '+18588796658', tenantId, campaignId };
    await expect(db.phoneNumber.create({ data })).rejects.toMatchObject({ code: 'P2003' });
  });

  test('JSON, dates and defaults survive a round trip', async () => {
    const db = await openDatabase();
    const answeredAt = new Date('2025-10-09T15:30:00.123Z');
    const metadata = { call_type: 'inbound', trunk_id: null, nested: [1, 'ä', { deep: true }] };
    await db.callLog.create({ data: { ...newCall('SIP1', null), answeredAt, metadata } });
    const call = await db.callLog.findUniqueOrThrow({ where: { callSid: 'SIP1' } });
    expect(call).toMatchObject({ answeredAt, metadata, timings: {}, status: 'ringing', attempt: 0 });
    await db.$executeRaw`INSERT INTO "CallEvent" ("callId", type) VALUES (${call.id}, 'raw')`;
    expect(await db.callEvent.findFirst()).toMatchObject({ type: 'raw', data: {} });
  });

  test('deleting a call deletes its events; what a call refers to cannot be deleted', async () => {
    const db = await openDatabase();
    const { id: tenantId } = await db.tenant.create({ data: { name: 'Dental' } });
    const data = { ...newCall('SIP1', null), tenantId, events: { create: [{ type: 'received' }] } };
    const { id } = await db.callLog.create({ data });
    await expect(db.tenant.delete({ where: { id: tenantId } })).rejects.toMatchObject({ code: 'P2003' });
    await db.callLog.delete({ where: { id } });
    expect(await db.callEvent.count()).toBe(0);
  });

  test('a reopened database has what was written', async () => {
    const url = await createDatabase(kind, databases());
    {
      await using db = await openDb(url);
      await db.tenant.create({ data: { name: 'Dental' } });
    }
    await using again = await openDb(url);
    expect(await again.tenant.count()).toBe(1);
  });

  test('a database that was migrated by a newer version is refused', async () => {
    const url = await createDatabase(kind, databases());
    {
      await using db = await openDb(url);
      await db.$executeRaw`INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count) VALUES ('1', '', '29990101000000_future', ${new Date()}, ${new Date()}, 1)`;
    }
    const error = await failureOf(openDb(url));
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      code: 'schema_ahead',
      message: expect.stringContaining('29990101000000_future') as unknown,
    });
  });

  test('a ping writes one row, however often, and not to the inbox', async () => {
    const db = await openDatabase();
    expect([await pingDb(db, 2000), await pingDb(db, 2000)]).toEqual([true, true]);
    expect([await db.heartbeat.count(), await db.inboundEvent.count()]).toEqual([1, 0]);
  });
});

test('SQLite: a new file is created with its folders, in WAL mode, and each migration is logged', async () => {
  const file = join(await newFolder(), 'some/where/new.db');
  const lines: unknown[] = [];
  await using db = await openDb(`file:${file}`, { log: { info: (...line: unknown[]) => void lines.push(line) } });
  const all = await listMigrations(migrationsFolder('sqlite'));
  expect(lines).toEqual(all.map((migration) => [{ migration }, 'migration applied']));
  expect(await db.$queryRaw`PRAGMA journal_mode`).toEqual([{ journal_mode: 'wal' }]);
  expect(await db.$queryRaw`PRAGMA synchronous`).toEqual([{ synchronous: 1n }]);
  expect(await db.$queryRaw`PRAGMA foreign_keys`).toEqual([{ foreign_keys: 1n }]);
});

test('SQLite: a relative address is relative to the working directory', async () => {
  const folder = await newFolder();
  const script = `const { openDb } = await import(${JSON.stringify(import.meta.resolve('#src/database/open.ts'))}); await using db = await openDb('file:./here.db');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: folder, stdio: 'inherit' });
  expect((await once(child, 'exit'))[0]).toBe(0);
  expect((await readFile(join(folder, 'here.db'))).subarray(0, 6).toString()).toBe('SQLite');
});

test('SQLite: several processes may open a new file at once', async () => {
  const url = `file:${join(await newFolder(), 'new.db')}`;
  const opened = await Promise.all(Array.from({ length: 4 }, () => openDb(url)));
  await Promise.all(opened.map((db) => db.tenant.create({ data: { name: 'Dental' } })));
  expect(await opened[0]?.tenant.count()).toBe(4);
  await Promise.all(opened.map((db) => db[Symbol.asyncDispose]()));
});

test('SQLite: a file that cannot be used is named in the error', async () => {
  const folder = await newFolder();
  const notDatabase = join(folder, 'text.db');
  await writeFile(notDatabase, 'This is not a database. '.repeat(100));
  await mkdir(join(folder, 'folder.db'));
  for (const file of [notDatabase, join(folder, 'folder.db'), join(notDatabase, 'below.db')]) {
    const error = await failureOf(openDb(`file:${file}`));
    expect(error).toMatchObject({ code: 'database_unusable', message: expect.stringContaining(file) as unknown });
  }
});

test('SQLite: a full disk means unavailable, until there is space again', async () => {
  const db = await openDb(`file:${join(await newFolder(), 'full.db')}`);
  onTestFinished(() => db.$disconnect());
  await db.$queryRaw`PRAGMA max_page_count = 1`;
  const data = { name: 'x'.repeat(1_000_000) };
  expect(isUnavailable(await failureOf(db.tenant.create({ data })))).toBe(true);
  expect(isUnavailable(await failureOf(transaction(db, (tx) => tx.tenant.create({ data }))))).toBe(true);
  await db.$queryRaw`PRAGMA max_page_count = 1000000`;
  await db.tenant.create({ data });
  expect(await db.tenant.count()).toBe(1);
});

test('SQLite: the ping of a locked file fails in time', async () => {
  const file = join(await newFolder(), 'locked.db');
  await using db = await openDb(`file:${file}`, { lockedTimeoutMs: 1000 });
  const other = new Database(file);
  onTestFinished(() => void other.close());
  other.exec('BEGIN IMMEDIATE');
  const write = failureOf(db.tenant.create({ data: { name: 'x' } }));
  await sleep(100);
  expect(await pingDb(db, 100)).toBe(false);
  await write;
});

test('PostgreSQL: a schema that is behind is refused, with what to run', async () => {
  const url = await createDatabase('postgres', databases(), { migrated: false });
  const error = await failureOf(openDb(url));
  expect(error).toMatchObject({
    code: 'schema_behind',
    message: expect.stringMatching(
      /^The database schema is (1 migration|\d+ migrations) behind: run `npm run cli -- db:migrate`\.$/,
    ) as string,
  });
});

test('PostgreSQL: an unreachable or silent server is reported without the password', async () => {
  const mute = createServer().listen(0, '127.0.0.1');
  await once(mute, 'listening');
  onTestFinished(() => void mute.close());
  const address = mute.address();
  const mutePort = typeof address === 'object' ? address?.port : 0;
  for (const port of [1, mutePort]) {
    const error = await failureOf(openDb(`postgresql://me:geheim@127.0.0.1:${port}/x`));
    expect(error).toMatchObject({ code: 'database_unusable' });
    expect(String(error)).not.toContain('geheim');
  }
});

test('PostgreSQL: a broken connection means unavailable, and the next statement works', async () => {
  const url = await createDatabase('postgres', databases());
  await using db = await openDb(url);
  const breakAll = () =>
    query(
      url,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
  const inQuery = failureOf(db.$queryRaw`SELECT pg_sleep(5)::text`);
  const inTransaction = failureOf(
    transaction(db, async (tx) => {
      await tx.tenant.count();
      await sleep(500);
      await tx.tenant.count();
    }),
  );
  await sleep(200);
  await breakAll();
  expect(isUnavailable(await inQuery)).toBe(true);
  expect(isUnavailable(await inTransaction)).toBe(true);
  expect(await db.tenant.count()).toBe(0);
});

test('PostgreSQL: transactions that deadlock are retried', async () => {
  const url = await createDatabase('postgres', databases());
  await using db = await openDb(url);
  const [a, b] = await Promise.all(['a', 'b'].map((id) => db.tenant.create({ data: { id, name: '' } })));
  let runs = 0;
  const renameBoth = (ids: (string | undefined)[]) =>
    transaction(db, async (tx) => {
      runs += 1;
      for (const id of ids) {
        await tx.$executeRaw`UPDATE "Tenant" SET name = name || 'x' WHERE id = ${id}`;
        await sleep(100);
      }
    });
  await Promise.all([renameBoth([a?.id, b?.id]), renameBoth([b?.id, a?.id])]);
  expect(runs).toBeGreaterThan(2);
  expect(await db.tenant.findMany({ select: { name: true } })).toEqual([{ name: 'xx' }, { name: 'xx' }]);
});
