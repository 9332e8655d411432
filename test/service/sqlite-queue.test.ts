/** The SQLite queue: acknowledged writes are kept, and waiting for a lock doesn't block the process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { applyMigrations } from '#src/database/apply-migrations.ts';
import { PrismaClient } from '#src/database/generated/sqlite/client.ts';
import { queueSqlite } from '#src/database/sqlite/queue.ts';
import { isUnavailable } from '#src/database/driver-errors.ts';
import { openDb, type Db } from '#src/database/open.ts';
import { transaction } from '#src/database/transaction.ts';

const newFile = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-queue-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'test.db');
};

const openFile = async (file: string, lockedTimeoutMs?: number): Promise<Db> => {
  const db = await openDb(`file:${file}`, { lockedTimeoutMs });
  onTestFinished(async () => db[Symbol.asyncDispose]());
  return db;
};

const openClient = async (
  wrap: (factory: SqlDriverAdapterFactory) => SqlDriverAdapterFactory,
): Promise<PrismaClient> => {
  const file = await newFile();
  await applyMigrations('sqlite', file);
  const client = new PrismaClient({ adapter: wrap(new PrismaBetterSqlite3({ url: file })) });
  onTestFinished(() => client.$disconnect());
  return client;
};

const callNamed = (callSid: string) => ({
  callSid,
  phoneNumber: '+15551234567',
  dialedNumber: '+18588796658',
  roomName: 'r',
});

/** A nested create is an implicit transaction: the third turn violates a unique key, so all of it fails. */
const failingNestedCreate = (client: PrismaClient, name: string) =>
  client.callLog.create({
    data: { ...callNamed(`nested-${name}`), turns: { create: [turn(1), turn(2), turn(1)] } },
  });
const turn = (seq: number) => ({ seq, role: 'agent' as const, text: 'Hello', startMs: 0, endMs: 1 });

const failingTransaction = (client: PrismaClient, name: string) =>
  client.$transaction(async (tx) => {
    await tx.callLog.create({ data: callNamed(`transaction-${name}`) });
    await tx.callLog.create({ data: callNamed(`transaction-${name}`) });
  });

/** Interleaves plain writes with failing transactions. Returns what was acknowledged and what was kept. */
const interleave = async (client: PrismaClient) => {
  const acknowledged: string[] = [];
  const plain = async (callSid: string) => {
    await client.callLog.create({ data: callNamed(callSid) });
    acknowledged.push(callSid);
  };
  const failures = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const [, nested, explicit] = await Promise.allSettled([
        plain(`plain-a-${index}`),
        failingNestedCreate(client, String(index)),
        failingTransaction(client, String(index)),
        plain(`plain-b-${index}`),
        sleep(Math.random() * 20).then(() => plain(`plain-c-${index}`)),
      ]);
      return [nested, explicit].filter((outcome) => outcome?.status === 'rejected').length;
    }),
  );
  const kept = await client.callLog.findMany({ select: { callSid: true } });
  return { acknowledged, kept: kept.map(({ callSid }) => callSid), failures: failures.reduce((sum, n) => sum + n, 0) };
};

test('no acknowledged write is lost among failing transactions', async () => {
  const client = await openClient((factory) => queueSqlite(factory, { setUp: '', lockedTimeoutMs: 1000 }));
  const { acknowledged, kept, failures } = await interleave(client);
  expect(acknowledged).toHaveLength(120);
  expect(failures).toBe(80);
  expect(kept.toSorted()).toEqual(acknowledged.toSorted());
});

test('without the queue, acknowledged writes are lost', async () => {
  const client = await openClient((factory) => factory);
  const { acknowledged, kept } = await interleave(client);
  const lost = acknowledged.filter((callSid) => !kept.includes(callSid));
  expect(lost.length).toBeGreaterThan(0);
});

test('a failed COMMIT is rolled back, and the next statement works', async () => {
  const db = await openFile(await newFile());
  const failing = transaction(db, async (tx) => {
    await tx.tenant.create({ data: { name: 'not kept' } });
    await tx.$executeRaw`PRAGMA defer_foreign_keys = ON`;
    await tx.$executeRaw`INSERT INTO "CallTurn" (id, "callId", seq, role, text, "startMs", "endMs") VALUES ('t', 'no call', 1, 'agent', '', 0, 0)`;
  });
  await expect(failing).rejects.toThrow();
  await db.tenant.create({ data: { name: 'kept' } });
  expect(await db.tenant.findMany({ select: { name: true } })).toEqual([{ name: 'kept' }]);
});

test('a transaction that times out releases its turn, and its late statements do nothing', async () => {
  const client = await openClient((factory) => queueSqlite(factory, { setUp: '', lockedTimeoutMs: 1000 }));
  const abandoned = client.$transaction(
    async (tx) => {
      await tx.tenant.create({ data: { name: 'early' } });
      await sleep(400);
      await tx.tenant.create({ data: { name: 'late' } });
    },
    { timeout: 100 },
  );
  const outcome = expect(abandoned).rejects.toThrow(/expired transaction/);
  await sleep(20);
  const startedAt = performance.now();
  await client.tenant.create({ data: { name: 'plain' } });
  expect(performance.now() - startedAt).toBeLessThan(390);
  await outcome;
  expect(await client.tenant.findMany({ select: { name: true } })).toEqual([{ name: 'plain' }]);
});

test('statements after the end of a transaction do not reach the connection', async () => {
  const factory = new PrismaBetterSqlite3({ url: ':memory:' });
  const connection = await queueSqlite(factory, { setUp: 'CREATE TABLE t (x)', lockedTimeoutMs: 0 }).connect();
  onTestFinished(() => connection.dispose());
  const statement = (sql: string) => ({ sql, args: [], argTypes: [] });
  const tx = await connection.startTransaction();
  await tx.executeRaw(statement('ROLLBACK'));
  await expect(tx.executeRaw(statement('INSERT INTO t VALUES (1)'))).rejects.toThrow('TransactionAlreadyClosed');
  await tx.rollback();
  expect((await connection.queryRaw(statement('SELECT count(*) FROM t'))).rows).toEqual([[0]]);
});

test('a transaction whose start times out releases its turn', async () => {
  const client = await openClient((factory) => queueSqlite(factory, { setUp: '', lockedTimeoutMs: 1000 }));
  const long = client.$transaction(async (tx) => {
    await tx.tenant.create({ data: { name: 'long' } });
    await sleep(300);
  });
  await sleep(50);
  const impatient = client.$transaction((tx) => tx.tenant.create({ data: { name: 'impatient' } }), { maxWait: 50 });
  await expect(impatient).rejects.toThrow(/Unable to start a transaction/);
  await long;
  await client.tenant.create({ data: { name: 'plain' } });
  expect(await client.tenant.count({ where: { name: 'impatient' } })).toBe(0);
  expect(await client.tenant.count()).toBe(2);
});

/** Holds the write lock for a while, on a connection in another thread. */
const lockElsewhere = async (file: string, forMs: number): Promise<void> => {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const Database = require(workerData.driver);
    const db = new Database(workerData.file);
    db.exec('BEGIN IMMEDIATE');
    parentPort.postMessage('locked');
    setTimeout(() => { db.exec('COMMIT'); db.close(); }, workerData.forMs);`;
  const driver = createRequire(import.meta.url).resolve('better-sqlite3');
  const worker = new Worker(source, { eval: true, workerData: { file, forMs, driver } });
  onTestFinished(async () => {
    await worker.terminate();
  });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
};

test("another process's lock doesn't block the event loop, and the write arrives", async () => {
  const file = await newFile();
  const db = await openFile(file);
  await lockElsewhere(file, 3000);
  using delay = monitorDelay();
  await sleep(50);
  const startedAt = performance.now();
  await Promise.all([
    db.tenant.create({ data: { name: 'plain' } }),
    transaction(db, (tx) => tx.tenant.create({ data: { name: 'in a transaction' } })),
    db.callLog.create({ data: { ...callNamed('nested'), turns: { create: [turn(1)] } } }),
  ]);
  expect(performance.now() - startedAt).toBeGreaterThan(2000);
  await sleep(50); // a delay is recorded only in the next iteration of the event loop
  expect(delay.maxMs()).toBeLessThan(1000);
  expect(await db.tenant.count()).toBe(2);
  expect(await db.callTurn.count()).toBe(1);
});

const monitorDelay = () => {
  const histogram = monitorEventLoopDelay({ resolution: 10 });
  histogram.enable();
  return { maxMs: () => histogram.max / 1e6, [Symbol.dispose]: () => histogram.disable() };
};

test('a lasting lock is reported as unavailable to all waiting statements at once', async () => {
  const file = await newFile();
  const db = await openFile(file, 400);
  const other = new Database(file);
  onTestFinished(() => void other.close());
  other.exec('BEGIN IMMEDIATE');
  const startedAt = performance.now();
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: 5 }, () => db.tenant.create({ data: { name: 'x' } })),
    transaction(db, (tx) => tx.tenant.create({ data: { name: 'x' } })),
  ]);
  expect(outcomes.map((o) => o.status === 'rejected' && isUnavailable(o.reason))).toEqual(Array(6).fill(true));
  expect(performance.now() - startedAt).toBeLessThan(3000);
  other.exec('ROLLBACK');
  await db.tenant.create({ data: { name: 'x' } });
  expect(await db.tenant.count()).toBe(1);
});

/** Counts the commits that reach SQLite. */
const countingCommits = (factory: SqlDriverAdapterFactory, count: { commits: number }): SqlDriverAdapterFactory => ({
  ...{ provider: factory.provider, adapterName: factory.adapterName },
  connect: async () => {
    const adapter = await factory.connect();
    const executeRaw = adapter.executeRaw.bind(adapter);
    adapter.executeRaw = (query) => {
      if (query.sql === 'COMMIT') count.commits += 1;
      return executeRaw(query);
    };
    return adapter;
  },
});

test('waiting transactions are committed together, and each is durable once acknowledged', async () => {
  const count = { commits: 0 };
  const client = await openClient((factory) =>
    queueSqlite(countingCommits(factory, count), { setUp: '', lockedTimeoutMs: 1000 }),
  );
  const before = count.commits;
  const outcomes = await Promise.allSettled(
    Array.from({ length: 60 }, (_, index) =>
      index % 10 === 9
        ? failingTransaction(client, String(index))
        : client.$transaction(async (tx) => {
            await tx.callLog.create({ data: callNamed(`grouped-${index}`) });
            await tx.callLog.update({ where: { callSid: `grouped-${index}` }, data: { attempt: 1 } });
          }),
    ),
  );
  const kept = await client.callLog.count({ where: { callSid: { startsWith: 'grouped-' }, attempt: 1 } });
  expect(kept).toBe(54);
  expect(outcomes.filter(({ status }) => status === 'rejected').length).toBe(6);
  expect(await client.callLog.count()).toBe(54);
  expect(count.commits - before).toBeLessThan(40);
});

test('if SQLite rolls back a whole group, the other transactions run again', async () => {
  const db = await openFile(await newFile());
  await db.$executeRawUnsafe(`CREATE TRIGGER "boom" BEFORE INSERT ON "CallLog" WHEN NEW."callSid" LIKE 'boom%'
    BEGIN SELECT RAISE(ROLLBACK, 'boom'); END`);
  const names = Array.from({ length: 40 }, (_, index) => (index % 8 === 5 ? `boom-${index}` : `fine-${index}`));
  const outcomes = await Promise.allSettled(
    names.map((name) => transaction(db, (tx) => tx.callLog.create({ data: callNamed(name) }))),
  );
  const failed = names.filter((_, index) => outcomes[index]?.status === 'rejected');
  expect(failed).toEqual(names.filter((name) => name.startsWith('boom')));
  expect(await db.callLog.count()).toBe(35);
  // The connection still works.
  await transaction(db, (tx) => tx.callLog.create({ data: callNamed('after') }));
  expect(await db.callLog.count()).toBe(36);
});
