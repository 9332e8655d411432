import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seedTenant, testContext, testHttp } from '#test/support/context.ts';
import { describeBothDatabases } from '#test/support/database.ts';
import { signature } from '#test/support/signed.ts';
import { someOf } from '#test/support/matchers.ts';

describeBothDatabases('the other endpoints', (openDatabase) => {
  const url = '/api/v1/webhooks/test';
  const payload = JSON.stringify({ to_number: '+18588796658', from_number: '+15551234567' });

  test('a dry run routes like sip-inbound and records nothing', async () => {
    const db = await openDatabase();
    const { tenant, campaign, number } = await seedTenant(db);
    const http = testHttp(testContext(db));
    const response = await http.inject({
      method: 'POST',
      url,
      payload,
      headers: { 'content-type': 'application/json' },
    });
    expect([response.statusCode, response.json()]).toEqual([
      200,
      {
        decision: 'accept',
        reasons: someOf(["the tenant's default agent: house-agent"]),
        number: { id: number.id, number: '+18588796658' },
        tenant: { id: tenant.id, name: 'Dental' },
        campaign: { id: campaign?.id, name: 'Front desk' },
        agent_name: 'house-agent',
      },
    ]);
    expect([await db.callLog.count(), await db.lead.count(), await db.callEvent.count()]).toEqual([0, 0, 0]);
  });

  test('a dry run of an unknown number answers with the reason', async () => {
    const http = testHttp(testContext(await openDatabase()));
    const response = await http.inject({
      method: 'POST',
      url,
      payload,
      headers: { 'content-type': 'application/json' },
    });
    expect(response.json()).toEqual({
      decision: 'reject',
      reasons: ['the dialed number is not in the database'],
      number: null,
      tenant: null,
      campaign: null,
      agent_name: null,
    });
  });

  test('in production a dry run must be authenticated', async () => {
    const http = testHttp(testContext(await openDatabase(), { env: { NODE_ENV: 'production' } }));
    const bare = await http.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } });
    expect(bare.statusCode).toBe(401);
    expect((await http.inject({ method: 'POST', url, payload, headers: signature(payload) })).statusCode).toBe(200);
  });

  test('livez covers the process only; health tells database, worker and LiveKit apart', async () => {
    const db = await openDatabase();
    const http = testHttp(testContext(db));
    expect((await http.inject('/livez')).json()).toEqual({ status: 'ok' });
    const lonely = await http.inject('/api/v1/webhooks/health');
    expect([lonely.statusCode, lonely.json()]).toMatchObject([
      503,
      { database: 'ok', worker: 'not_registered', livekit: 'failed', failing: ['worker', 'livekit'] },
    ]);
    await db.$executeRaw`ALTER TABLE "Heartbeat" RENAME TO "Elsewhere"`;
    await sleep(1_100); // it is asked once a second
    const broken = await http.inject('/api/v1/webhooks/health');
    expect([broken.statusCode, broken.json()]).toMatchObject([
      503,
      { database: 'failed', failing: ['database', 'worker', 'livekit'] },
    ]);
    expect((await http.inject('/livez')).statusCode).toBe(200);
  });

  test('an unknown path is 404 in the same form', async () => {
    const http = testHttp(testContext(await openDatabase()));
    expect((await http.inject('/nowhere')).json()).toEqual({
      error: { code: 'not_found', message: 'No such route: GET /nowhere.' },
    });
  });
});
