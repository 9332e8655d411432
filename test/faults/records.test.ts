/** Order doesn't matter: webhooks in every permutation, and plain writes among failing transactions. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { receiveCall } from '#src/calls/receive-call.ts';
import { applyMigrations } from '#src/database/apply-migrations.ts';
import { openDb, type Db } from '#src/database/open.ts';
import { transaction } from '#src/database/transaction.ts';
import { seedTenant, testContext, testHttp, type TestClock } from '#test/support/context.ts';
import { livekitHeaders, signature } from '#test/support/signed.ts';
import { callerNumber, dialed } from '#test/support/service.ts';
import { isComplete } from './talk.ts';

const files = new AsyncDisposableStack();
let template: string;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-records-'));
  files.defer(() => rm(folder, { recursive: true, force: true }));
  template = join(folder, 'template.db');
  await applyMigrations('sqlite', template);
});
afterAll(() => files.disposeAsync());

/** A copy of the migrated database, in a folder of its own. */
const openFresh = async (): Promise<AsyncDisposable & { db: Db }> => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-records-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  await copyFile(template, join(folder, 'test.db'));
  const db = stack.use(await openDb(`file:${join(folder, 'test.db')}`));
  const opened = stack.move();
  return { db, [Symbol.asyncDispose]: () => opened.disposeAsync() };
};

const start = Date.parse('2026-01-01T00:00:00Z');
const name = 'sip-room-1';
const at = (seconds: number): string => String(start / 1000 + seconds);
const caller = { identity: 'sip_1', kind: 'SIP' };
const attributes = { 'sip.callID': 'SIP-1', 'sip.phoneNumber': callerNumber, 'sip.trunkPhoneNumber': dialed };

/** LiveKit's webhooks about one call; a caller who joined twice leaves twice. */
const told = [
  { event: 'participant_joined', id: 'EV_1', createdAt: at(1), room: { name }, participant: { ...caller, attributes } },
  { event: 'participant_left', id: 'EV_2', createdAt: at(40), room: { name }, participant: caller },
  { event: 'participant_left', id: 'EV_3', createdAt: at(41), room: { name }, participant: caller },
  { event: 'room_finished', id: 'EV_4', createdAt: at(61), room: { name } },
];
/** In the contract's own format, which has no time: it may arrive at any time. */
const late = { event: 'room.finished', room: { name, duration: 39 } };
const events = [...told, late];

const deliver = async (http: FastifyInstance, event: (typeof events)[number]): Promise<number> => {
  const payload = JSON.stringify(event);
  const headers = 'id' in event ? await livekitHeaders(payload) : signature(payload);
  const path = '/api/v1/webhooks/livekit/events';
  return (await http.inject({ method: 'POST', url: path, payload, headers })).statusCode;
};

/** The final records of one call whose events arrive in this order. */
const recordsAfter = async (order: readonly (typeof events)[number][]): Promise<unknown> => {
  await using fresh = await openFresh();
  const { db } = fresh;
  const clock: TestClock = { now: new Date(start) };
  const ctx = testContext(db, { clock });
  await seedTenant(db);
  const call = {
    callSid: 'SIP-1',
    roomName: name,
    from: callerNumber,
    to: dialed,
    trunkId: null,
    callerIdentity: null,
  };
  await receiveCall(ctx, { source: 'webhook', ...call });
  clock.now = new Date(start + 70_000);
  await using http = testHttp(ctx);
  for (const event of order) expect(await deliver(http, event)).toBe(200);
  const calls = await db.callLog.findMany();
  const leads = await db.lead.findMany();
  return {
    calls: calls.map(({ callSid, status, duration, endReason, endedAt, openRoom }) => ({
      ...{ callSid, status, duration, endReason, endedAt, openRoom },
    })),
    leads: leads.map(({ status, attempts, lastCallAt }) => ({ status, attempts, lastCallAt })),
  };
};

const permutationsOf = <T>(items: readonly T[]): T[][] =>
  items.length < 2
    ? [[...items]]
    : items.flatMap((item, at) => permutationsOf(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));

describe('webhook doubled, reordered, lost, late', () => {
  test('every permutation makes the same final records', { timeout: 180_000 }, async () => {
    // LiveKit's times are in whole seconds; the end of the second is recorded.
    const end = new Date(start + 40_999);
    const orders = permutationsOf(events).filter((_, n) => isComplete || n % 4 === 0);
    for (const order of orders)
      expect(await recordsAfter([...order, ...order.slice(0, 2)])).toEqual({
        calls: [
          { callSid: 'SIP-1', status: 'completed', duration: 39, endReason: 'abandoned', endedAt: end, openRoom: null },
        ],
        leads: [{ status: 'completed', attempts: 1, lastCallAt: end }],
      });
  });

  test('whichever of them is lost, the call ends', { timeout: 60_000 }, async () => {
    for (const lost of told.slice(1)) {
      const { calls } = (await recordsAfter(told.filter((event) => event !== lost))) as { calls: unknown[] };
      expect(calls).toMatchObject([{ status: 'completed', openRoom: null }]);
    }
  });
});

describe('transactions failing among plain writes, all interleaved', () => {
  test('nothing acknowledged is lost, nothing refused is kept', async () => {
    await using fresh = await openFresh();
    const { db } = fresh;
    const acknowledged: string[] = [];
    const write = async (tenant: string) => {
      await db.tenant.create({ data: { name: tenant } });
      acknowledged.push(tenant);
    };
    const fail = async (tenant: string) => {
      const failing = transaction(db, async (tx) => {
        await tx.tenant.create({ data: { name: tenant } });
        throw new Error('on purpose');
      });
      await expect(failing).rejects.toThrow('on purpose');
    };
    await Promise.all(
      Array.from({ length: 50 }, (_, n) => [write(`before ${n}`), fail(`failing ${n}`), write(`after ${n}`)]).flat(),
    );
    const kept = await db.tenant.findMany({ select: { name: true } });
    expect(kept.map((tenant) => tenant.name).toSorted()).toEqual(acknowledged.toSorted());
    expect(acknowledged).toHaveLength(100);
  });
});
