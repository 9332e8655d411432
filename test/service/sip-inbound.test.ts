import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { describeBothDatabases } from '#test/support/database.ts';
import { seedTenant, testContext, testHttp, type TestClock } from '#test/support/context.ts';
import { keys, livekitHeaders, signature } from '#test/support/signed.ts';
import { anyText } from '#test/support/matchers.ts';

const path = '/api/v1/webhooks/livekit/sip-inbound';

const inbound = {
  call_id: 'SIPxxxxxx-1234',
  trunk_id: 'ST_inbound',
  trunk_phone_number: '+18588796658',
  from_number: '+15551234567',
  to_number: '+18588796658',
  room_name: 'sip-room-abc123',
  timestamp: '2025-10-09T15:30:00Z',
};

const post = (http: FastifyInstance, body: unknown, headers?: Record<string, string>) => {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  return http.inject({ method: 'POST', url: path, payload, headers: headers ?? signature(payload) });
};

describeBothDatabases('POST /webhooks/livekit/sip-inbound', (openDatabase) => {
  const open = async (env: Record<string, string> = {}, busy: () => string | null = () => null) => {
    const db = await openDatabase();
    const clock: TestClock = { now: new Date() };
    const ctx = testContext(db, { env, busy, clock });
    const later = (ms: number): void => {
      clock.now = new Date(clock.now.getTime() + ms);
    };
    return { db, ctx, http: testHttp(ctx), later };
  };

  test("answers the contract's example field by field, and records lead and call", async () => {
    const { db, http } = await open({ LIVEKIT_INBOUND_TRUNK_ID: 'ST_inbound' });
    const { tenant, campaign, number } = await seedTenant(db, { campaign: { agentName: 'telephony-agent' } });
    const response = await post(http, inbound);
    expect(response.statusCode).toBe(200);
    const metadata = `{"call_type":"inbound","phone_number_id":"${number.id}","tenant_id":"${tenant.id}","campaign_id":"${campaign?.id}","from_number":"+15551234567","to_number":"+18588796658"}`;
    expect(response.body).toBe(
      JSON.stringify({
        agent_name: 'telephony-agent',
        metadata,
        attributes: { inbound: 'true', phone_number: '+18588796658', caller: '+15551234567' },
      }),
    );
    const call = await db.callLog.findUniqueOrThrow({ where: { callSid: 'SIPxxxxxx-1234' }, include: { lead: true } });
    expect(call).toMatchObject({
      status: 'ringing',
      phoneNumber: '+15551234567',
      roomName: 'sip-room-abc123',
      direction: 'inbound',
      campaignId: campaign?.id,
      tenantId: tenant.id,
      duration: null,
      metadata: {
        call_type: 'inbound',
        trunk_id: 'ST_inbound',
        phone_number_id: number.id,
        tenant_id: tenant.id,
        campaign_id: campaign?.id,
      },
      lead: {
        phoneNumber: '+15551234567',
        name: 'Inbound Caller +15551234567',
        status: 'calling',
        attempts: 1,
        metadata: { source: 'inbound' },
      },
    });
  });

  test('unknown fields are ignored, optional ones may be missing, and old timestamps are accepted', async () => {
    const { db, http } = await open();
    await seedTenant(db);
    const { call_id, from_number, to_number, room_name } = inbound;
    expect((await post(http, { call_id, from_number, to_number, room_name, surprise: [1] })).statusCode).toBe(200);
  });

  test('a repeated request gets the same answer and changes nothing', async () => {
    const { db, http } = await open();
    await seedTenant(db);
    const first = await post(http, inbound);
    const state = async () => [await db.callLog.findMany(), await db.lead.findMany(), await db.callEvent.findMany()];
    const before = await state();
    const again = await post(http, inbound);
    expect([again.statusCode, again.body]).toEqual([first.statusCode, first.body]);
    expect(await state()).toEqual(before);
  });

  test('concurrent repeats create one record and one attempt', async () => {
    const { db, http } = await open();
    await seedTenant(db);
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(http, inbound)));
    expect(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).size).toBe(1);
    expect(await db.callLog.count()).toBe(1);
    expect(await db.lead.findMany()).toMatchObject([{ attempts: 1 }]);
  });

  test('a new call_id for a room with an open call is that call; for a room with a final call it is a new one', async () => {
    const { db, http } = await open();
    await seedTenant(db);
    const first = await post(http, inbound);
    const second = await post(http, { ...inbound, call_id: 'SIP-second' });
    expect(second.body).toBe(first.body);
    expect(await db.callLog.findMany()).toMatchObject([{ callSid: inbound.call_id }]);
    await db.callLog.updateMany({ data: { status: 'completed', openRoom: null } });
    expect((await post(http, { ...inbound, call_id: 'SIP-third' })).statusCode).toBe(200);
    expect(await db.callLog.count()).toBe(2);
    expect(await db.lead.findMany()).toMatchObject([{ attempts: 2, status: 'calling' }]);
  });

  test('dialed number and caller may be in national format', async () => {
    const { db, http } = await open();
    await seedTenant(db);
    const response = await post(http, { ...inbound, to_number: '(858) 879-6658', from_number: '(555) 123-4567' });
    expect(response.json()).toMatchObject({ attributes: { phone_number: '+18588796658', caller: '+15551234567' } });
  });

  test('each anonymous caller has a lead of their own', async () => {
    const { db, http } = await open();
    await seedTenant(db);
    for (const [n, from_number] of ['', 'anonymous', 'Restricted'].entries())
      expect(
        (await post(http, { ...inbound, call_id: `SIP-${n}`, room_name: `room-${n}`, from_number })).statusCode,
      ).toBe(200);
    const leads = await db.lead.findMany({ orderBy: { phoneNumber: 'asc' } });
    expect(leads.map(({ phoneNumber }) => phoneNumber)).toEqual([
      'anonymous:SIP-0',
      'anonymous:SIP-1',
      'anonymous:SIP-2',
    ]);
  });

  test('without a campaign, the default agent of the tenant takes the call, and there is no lead', async () => {
    const { db, http } = await open();
    await seedTenant(db, { campaign: false });
    const other = await db.tenant.create({ data: { name: 'Other' } });
    await db.agent.create({ data: { tenantId: other.id, name: 'not-ours', isDefault: true } });
    const response = await post(http, inbound);
    expect(response.json<{ agent_name: string }>().agent_name).toBe('house-agent');
    expect(JSON.parse(response.json<{ metadata: string }>().metadata)).toMatchObject({ campaign_id: null });
    expect(await db.lead.count()).toBe(0);
    await db.agent.updateMany({ where: { name: 'house-agent' }, data: { isActive: false } });
    const next = await post(http, { ...inbound, call_id: 'SIP-2', room_name: 'room-2' });
    expect(next.json<{ agent_name: string }>().agent_name).toBe('telephony-agent');
  });

  test.each([
    ['number', 404, 'not_found', 'number_inactive'],
    ['tenant', 404, 'not_found', 'tenant_inactive'],
    ['campaign', 404, 'not_found', 'campaign_inactive'],
  ] as const)(
    'an inactive %s is refused with %i and recorded; the lead stays as it was',
    async (what, status, code, reason) => {
      const { db, http } = await open();
      await seedTenant(db);
      if (what === 'number') await db.phoneNumber.updateMany({ data: { isActive: false } });
      if (what === 'tenant') await db.tenant.updateMany({ data: { isActive: false } });
      if (what === 'campaign') await db.campaign.updateMany({ data: { status: 'paused' } });
      const response = await post(http, inbound);
      expect(response.statusCode).toBe(status);
      expect(response.json()).toEqual({ error: { code, message: anyText } });
      expect(await db.callLog.findMany()).toMatchObject([
        { status: 'rejected', rejectReason: reason, openRoom: null, leadId: null },
      ]);
      expect(await db.lead.count()).toBe(0);
      expect((await post(http, inbound)).body).toBe(response.body);
      expect(await db.callLog.count()).toBe(1);
    },
  );

  test('an unknown number is 404 and recorded without a tenant', async () => {
    const { db, http } = await open();
    expect((await post(http, inbound)).statusCode).toBe(404);
    expect(await db.callLog.findMany()).toMatchObject([
      { status: 'rejected', rejectReason: 'number_unknown', tenantId: null },
    ]);
  });

  test("a trunk that is neither ours nor the number's is 403", async () => {
    const { db, http } = await open({ LIVEKIT_INBOUND_TRUNK_ID: 'ST_ours' });
    await seedTenant(db, { livekitTrunkId: 'ST_inbound' });
    expect((await post(http, inbound)).statusCode).toBe(200);
    const wrong = await post(http, { ...inbound, call_id: 'SIP-2', room_name: 'room-2', trunk_id: 'ST_foreign' });
    expect(wrong.statusCode).toBe(403);
    expect(wrong.json()).toMatchObject({ error: { code: 'wrong_trunk' } });
    expect(await db.callLog.findUnique({ where: { callSid: 'SIP-2' } })).toMatchObject({ rejectReason: 'wrong_trunk' });
  });

  test('a full campaign is 409 even for concurrent requests, until a call ends', async () => {
    const { db, http } = await open();
    await seedTenant(db, { campaign: { maxConcurrent: 3 } });
    const ask = (n: number) =>
      post(http, { ...inbound, call_id: `SIP-${n}`, room_name: `room-${n}`, from_number: `+1555123000${n}` });
    const statuses = await Promise.all([0, 1, 2, 3, 4, 5].map(async (n) => (await ask(n)).statusCode));
    expect(statuses.toSorted()).toEqual([200, 200, 200, 409, 409, 409]);
    expect(await db.callLog.count({ where: { status: 'rejected', rejectReason: 'campaign_full' } })).toBe(3);
    await db.callLog.updateMany({ where: { status: 'ringing' }, data: { status: 'completed', openRoom: null } });
    expect((await ask(7)).statusCode).toBe(200);
  });

  test('a ringing call without a caller in its room stops counting after a minute', async () => {
    const db = await openDatabase();
    const clock = { now: new Date() };
    const http = testHttp(testContext(db, { clock }));
    await seedTenant(db, { campaign: { maxConcurrent: 1 } });
    const ask = (n: number) => post(http, { ...inbound, call_id: `SIP-${n}`, room_name: `room-${n}` });
    expect((await ask(1)).statusCode).toBe(200);
    clock.now = new Date(clock.now.getTime() + 59_000);
    expect((await ask(2)).statusCode).toBe(409);
    clock.now = new Date(clock.now.getTime() + 2_000);
    expect((await ask(3)).statusCode).toBe(200);
  });

  test('a caller who calls too often within a minute is rejected and recorded; later they may call again', async () => {
    const { db, http, later } = await open({ CALLS_PER_CALLER_PER_MINUTE: '2' });
    await seedTenant(db, { campaign: { maxConcurrent: 100 } });
    const ask = (n: number, from = inbound.from_number) =>
      post(http, { ...inbound, call_id: `SIP-${n}`, room_name: `room-${n}`, from_number: from });
    for (const n of [1, 2]) expect((await ask(n)).statusCode).toBe(200);
    const refused = await ask(3);
    expect([refused.statusCode, refused.json()]).toEqual([429, { error: { code: 'too_many', message: anyText } }]);
    expect((await ask(4, '+15550002222')).statusCode).toBe(200);
    expect(await db.callLog.findMany({ where: { callSid: 'SIP-3' } })).toMatchObject([
      { status: 'rejected', rejectReason: 'caller_limit' },
    ]);
    later(61_000);
    expect((await ask(5)).statusCode).toBe(200);
  });

  test('a tenant at its limit of open calls takes no more', async () => {
    const { db, http } = await open({ CALLS_PER_TENANT: '2' });
    await seedTenant(db, { campaign: { maxConcurrent: 100 } });
    const ask = (n: number) => post(http, { ...inbound, call_id: `SIP-${n}`, room_name: `room-${n}` });
    for (const n of [1, 2]) expect((await ask(n)).statusCode).toBe(200);
    expect((await ask(3)).json()).toMatchObject({ error: { code: 'too_many' } });
    expect(await db.callLog.findMany({ where: { callSid: 'SIP-3' } })).toMatchObject([{ rejectReason: 'tenant_full' }]);
  });

  test('a service at capacity is 429, and the rejected call is recorded', async () => {
    const { db, http } = await open({}, () => '10 of 10 calls are open');
    await seedTenant(db);
    const response = await post(http, inbound);
    expect([response.statusCode, response.json()]).toEqual([429, { error: { code: 'busy', message: anyText } }]);
    expect(await db.callLog.findMany()).toMatchObject([{ rejectReason: 'busy' }]);
  });

  test('an unauthenticated request gets 401 before its body is parsed, and leaves no trace', async () => {
    const { db, http } = await open();
    await seedTenant(db);
    const body = JSON.stringify(inbound);
    const json = { 'content-type': 'application/json' };
    const unproven: Record<string, string>[] = [
      json,
      { ...json, 'x-livekit-signature': '' },
      { ...json, 'x-livekit-signature': 'sha256=' },
      signature(body, 'another secret'),
      signature(`${body} `),
      await livekitHeaders(body, { secret: 'another-secret-that-is-long-enough-too' }),
      await livekitHeaders(body, { key: 'APIother' }),
      await livekitHeaders('{}'),
      await livekitHeaders(body, { ttl: -60 }),
      { ...json, authorization: `${base64({ alg: 'none' })}.${base64({ iss: keys.apiKey, exp: 9e9 })}.` },
    ];
    for (const headers of unproven) {
      const response = await post(http, body, headers);
      expect([response.statusCode, response.json()]).toEqual([401, { error: { code: 'unproven', message: anyText } }]);
    }
    expect((await post(http, 'not json', json)).statusCode).toBe(401);
    expect(await db.callLog.count()).toBe(0);
  });

  test("LiveKit's own authentication is accepted, and the bare hex signature", async () => {
    const { db, http } = await open();
    await seedTenant(db);
    const body = JSON.stringify(inbound, null, 2);
    expect((await post(http, body, await livekitHeaders(body))).statusCode).toBe(200);
    const bare = signature(body)['x-livekit-signature']?.replace('sha256=', '') ?? '';
    const headers = { 'content-type': 'application/json', 'x-livekit-signature': bare };
    expect((await post(http, body, headers)).statusCode).toBe(200);
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no call_id', { ...inbound, call_id: undefined }],
    ['an empty call_id', { ...inbound, call_id: '' }],
    ['no room', { ...inbound, room_name: undefined }],
    ['no dialed number', { ...inbound, to_number: undefined }],
    ['no caller at all', { ...inbound, from_number: undefined }],
    ['a number that is no text', { ...inbound, to_number: 18588796658 }],
  ])('%s is 400 with a readable reason', async (_, body) => {
    const { db, http } = await open();
    const response = await post(http, body);
    expect([response.statusCode, response.json()]).toEqual([400, { error: { code: 'malformed', message: anyText } }]);
    expect(await db.callLog.count()).toBe(0);
  });

  test('a body that is too large is 413, one of another type 415', async () => {
    const { http } = await open();
    const large = JSON.stringify({ ...inbound, padding: 'x'.repeat(300_000) });
    const tooLarge = await post(http, large);
    expect([tooLarge.statusCode, tooLarge.json()]).toEqual([413, { error: { code: 'too_large', message: anyText } }]);
    const typed = await post(http, 'a=b', { ...signature('a=b'), 'content-type': 'application/x-www-form-urlencoded' });
    expect([typed.statusCode, typed.json()]).toEqual([415, { error: { code: 'unsupported_type', message: anyText } }]);
  });
});

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
