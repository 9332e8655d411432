/** Commands to the agents of running calls, and the erasure of callers. */
import { expect, test } from 'vitest';
import { takeCommands } from '#src/calls/control/command-store.ts';
import { purge } from '#src/calls/privacy/purge.ts';
import { describeBothDatabases } from '#test/support/database.ts';
import { seedTenant, testContext, testHttp, type TestClock } from '#test/support/context.ts';
import { anyText } from '#test/support/matchers.ts';
import { ask, makeCompany, signIn, statusAndBody } from './users.ts';

const caller = '+15551234567';
const owner = 'test-owner';

describeBothDatabases('commands and erasure', (openDatabase) => {
  const open = async () => {
    const db = await openDatabase();
    const clock: TestClock = { now: new Date() };
    const ctx = testContext(db, { clock });
    const http = testHttp(ctx);
    await http.ready();
    const transferDestinations = [{ name: 'Front desk', number: '+15550001111' }];
    const { tenant, campaign } = await seedTenant(db, { campaign: { transferDestinations } });
    const campaignId = campaign?.id ?? '';
    const lead = await db.lead.create({
      data: { tenantId: tenant.id, campaignId, phoneNumber: caller, name: 'Sarah' },
    });
    const call = (more: object = {}, roomName = `sip-${caller}`) =>
      db.callLog.create({
        data: {
          ...{ tenantId: tenant.id, campaignId, leadId: lead.id, phoneNumber: caller, dialedNumber: '+18588796658' },
          ...{ callSid: `SIP-${Math.random()}`, roomName, callerIdentity: `sip_${caller}`, ownerId: owner },
          turns: { create: { seq: 0, role: 'caller', text: 'My name is Sarah.', startMs: 0, endMs: 900 } },
          messages: { create: { name: 'Sarah', number: caller, reason: 'a question' } },
          ...more,
        },
      });
    const running = () => call({ status: 'in_progress', openRoom: 'room' });
    const token = await signIn(http, db, 'operator', tenant.id);
    const post = (path: string, body: object, as = token) => ask(http, path, { token: as, body });
    return { db, ctx, clock, http, tenant, call, running, token, post };
  };

  test('commands wait for the service that runs the call, are taken once, and transfer only to listed destinations', async () => {
    const { db, ctx, post, running } = await open();
    const { id } = await running();
    expect(statusAndBody(await post(`/calls/${id}/say`, { text: 'One moment.' }))).toEqual([202, { accepted: true }]);
    expect(statusAndBody(await post(`/calls/${id}/transfer`, { destination: 'front DESK' }))).toEqual([
      202,
      { accepted: true },
    ]);
    expect(statusAndBody(await post(`/calls/${id}/end`, {}))).toEqual([202, { accepted: true }]);
    expect(statusAndBody(await post(`/calls/${id}/transfer`, { destination: '+15559990000' }))).toEqual([
      400,
      { error: { code: 'malformed', message: 'destination: the campaign lists Front desk.' } },
    ]);
    expect((await post(`/calls/${id}/say`, { text: '' })).statusCode).toBe(400);
    expect(await takeCommands(db, 'another-service', ctx.now())).toEqual([]);
    expect(await takeCommands(db, owner, ctx.now())).toMatchObject([
      { type: 'say', text: 'One moment.' },
      { type: 'transfer', text: 'front DESK' },
      { type: 'end', text: null },
    ]);
    expect(await takeCommands(db, owner, ctx.now())).toEqual([]);
  });

  test('a call that has ended, has no owner or belongs to another tenant takes no commands', async () => {
    const { db, http, post, call, running } = await open();
    const over = await call({ status: 'completed' });
    const alone = await call({ status: 'in_progress', openRoom: 'other', ownerId: null }, 'other');
    const error = { error: { code: 'conflict', message: anyText } };
    for (const { id } of [over, alone]) expect(statusAndBody(await post(`/calls/${id}/end`, {}))).toEqual([409, error]);
    const { tokens } = await makeCompany(http, db);
    const { id } = await running();
    expect((await post(`/calls/${id}/end`, {}, tokens.owner)).statusCode).toBe(404);
    expect(await db.callCommand.count()).toBe(0);
  });

  test('erasing a caller removes who they are and what they said; the calls and a receipt remain', async () => {
    const { db, tenant, call, post, token, http } = await open();
    const first = await call({ status: 'completed' });
    await call({ status: 'rejected', leadId: null });
    await db.inboundEvent.create({
      data: { id: 'EV_1', event: 'room_finished', roomName: `sip-${caller}`, callId: first.id },
    });
    const stranger = await call({ status: 'completed', phoneNumber: '+15550002222', leadId: null });
    const response = await post('/erasures', { phone_number: '(555) 123-4567' });
    expect(statusAndBody(response)).toMatchObject([201, { calls: 2, turns: 2, messages: 2, leads: 1 }]);
    const records = JSON.stringify([
      await db.callLog.findMany({ where: { id: { not: stranger.id } }, include: { turns: true, messages: true } }),
      await db.lead.findMany(),
      await db.inboundEvent.findMany(),
      await db.erasure.findMany(),
    ]);
    expect(records).not.toContain('5551234567');
    expect(records).not.toContain('Sarah');
    expect(await db.callLog.findUnique({ where: { id: first.id } })).toMatchObject({
      status: 'completed',
      leadId: null,
    });
    expect(await db.callTurn.count({ where: { callId: stranger.id } })).toBe(1);
    const kept = (await ask(http, '/erasures', { token })).json<{ items: { id: string }[] }>();
    expect(kept.items).toEqual([response.json()]);
    expect(statusAndBody(await post('/erasures', { phone_number: caller }))).toMatchObject([
      201,
      { calls: 0, leads: 0 },
    ]);
    expect(await db.callLog.count({ where: { tenantId: tenant.id } })).toBe(3);
  });

  test('a caller with a running call is not erased', async () => {
    const { db, running, post } = await open();
    await running();
    expect((await post('/erasures', { phone_number: caller })).statusCode).toBe(409);
    expect(await db.callTurn.count()).toBe(1);
  });

  test('turns are deleted after the retention period; the call remains', async () => {
    const { db, ctx, clock, call } = await open();
    const { id } = await call({ status: 'completed' });
    await db.inboundEvent.create({ data: { id: 'EV_2', event: 'room_finished' } });
    clock.now = new Date(Date.now() + 29 * 86_400_000);
    await purge(ctx);
    expect([await db.callTurn.count(), await db.inboundEvent.count()]).toEqual([1, 0]);
    clock.now = new Date(Date.now() + 31 * 86_400_000);
    await purge({ ...ctx, config: { ...ctx.config, retentionDays: 0 } });
    expect(await db.callTurn.count()).toBe(1);
    await purge(ctx);
    expect(await db.callTurn.count()).toBe(0);
    expect(await db.callLog.findUnique({ where: { id } })).toMatchObject({ status: 'completed' });
  });
});
