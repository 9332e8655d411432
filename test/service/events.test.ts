import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { receiveCall } from '#src/calls/receive-call.ts';
import { recordFact } from '#src/calls/record-fact.ts';
import type { Db } from '#src/database/open.ts';
import { seedTenant, testContext, testHttp, type TestClock } from '#test/support/context.ts';
import { describeBothDatabases } from '#test/support/database.ts';
import { livekitHeaders, signature } from '#test/support/signed.ts';
import { anyText } from '#test/support/matchers.ts';

const path = '/api/v1/webhooks/livekit/events';
const room = 'sip-room-abc123';
const finished = { event: 'room.finished', room: { name: room, duration: 183 } };
const left = { event: 'participant.left', room: { name: room }, participant: { identity: 'caller-+15551234567' } };

const post = async (http: FastifyInstance, body: unknown) => {
  const payload = JSON.stringify(body);
  const response = await http.inject({ method: 'POST', url: path, payload, headers: signature(payload) });
  expect(response.statusCode).toBe(200);
  return response.json<{ effect: string }>().effect;
};

const livekit = async (http: FastifyInstance, body: unknown) => {
  const payload = JSON.stringify(body);
  const response = await http.inject({ method: 'POST', url: path, payload, headers: await livekitHeaders(payload) });
  expect(response.statusCode).toBe(200);
  return response.json<{ effect: string }>().effect;
};

const start = Date.parse('2026-01-01T00:00:00Z');

describeBothDatabases('POST /webhooks/livekit/events', (openDatabase) => {
  const open = async () => {
    const db = await openDatabase();
    const clock: TestClock = { now: new Date(start) };
    const ctx = testContext(db, { clock });
    const sample = await seedTenant(db);
    const call = (callSid = 'SIP-1', roomName = room) =>
      receiveCall(ctx, {
        source: 'webhook',
        callSid,
        roomName,
        from: '+15551234567',
        to: '+18588796658',
        trunkId: null,
        callerIdentity: null,
      });
    const later = (seconds: number) => {
      clock.now = new Date(start + seconds * 1000);
    };
    return { db, ctx, http: testHttp(ctx), call, later, sample };
  };
  const records = async (db: Db) => ({
    calls: await db.callLog.findMany({ orderBy: { callSid: 'asc' } }),
    leads: await db.lead.findMany(),
  });

  test("the end of the room completes call and lead, with the event's duration", async () => {
    const { db, http, call, later } = await open();
    await call();
    later(200);
    expect(await post(http, finished)).toBe('recorded');
    const { calls, leads } = await records(db);
    expect(calls).toMatchObject([
      { status: 'completed', duration: 183, endedAt: new Date(start + 200_000), openRoom: null },
    ]);
    expect(leads).toMatchObject([{ status: 'completed', lastCallAt: new Date(start + 200_000), attempts: 1 }]);
  });

  test('the caller leaving completes the call, with a duration computed from its answer', async () => {
    const { db, ctx, http, call, later } = await open();
    const { call: made } = await call();
    await recordFact(ctx, made.id, { kind: 'answered', at: new Date(start + 5_000) });
    later(65);
    await post(http, left);
    expect((await records(db)).calls).toMatchObject([
      { status: 'completed', duration: 60, endReason: 'caller_hangup' },
    ]);
  });

  test('a caller who was never answered shows in answeredAt and endReason', async () => {
    const { db, http, call, later } = await open();
    await call();
    later(12);
    await post(http, left);
    expect((await records(db)).calls).toMatchObject([
      { status: 'completed', duration: 12, answeredAt: null, endReason: 'abandoned' },
    ]);
  });

  test("a later event's own duration replaces the computed one", async () => {
    const { db, http, call, later } = await open();
    await call();
    later(100);
    await post(http, left);
    later(101);
    await post(http, finished);
    expect((await records(db)).calls).toMatchObject([{ duration: 183, endedAt: new Date(start + 100_000) }]);
  });

  test('an agent who leaves ends nothing', async () => {
    const { db, http, call } = await open();
    await call();
    for (const identity of ['agent-AJ_123', 'telephony-agent', 'Agent_1'])
      expect(await post(http, { ...left, participant: { identity } })).toBe('ignored');
    const participant = { identity: 'somebody', kind: 'AGENT' };
    expect(
      await livekit(http, {
        event: 'participant_left',
        id: 'EV_1',
        createdAt: '1767225700',
        room: { name: room },
        participant,
      }),
    ).toBe('ignored');
    expect((await records(db)).calls).toMatchObject([{ status: 'ringing' }]);
  });

  test('every permutation and repetition of the events of a call results in the same records', async () => {
    const seconds = start / 1000;
    const events = [
      {
        event: 'participant_left',
        id: 'EV_a',
        createdAt: String(seconds + 40),
        room: { name: room },
        participant: { identity: 'sip_1', kind: 'SIP' },
      },
      { event: 'room_finished', id: 'EV_b', createdAt: String(seconds + 61), room: { name: room, sid: 'RM_1' } },
      {
        event: 'participant_left',
        id: 'EV_c',
        createdAt: String(seconds + 62),
        room: { name: room },
        participant: { identity: 'agent-1', kind: 'AGENT' },
      },
      finished,
    ];
    const answered = Symbol('answered');
    const ends = new Set<string>();
    const orders = fc.sample(
      fc
        .tuple(
          fc.shuffledSubarray([...events, answered], { minLength: 5 }),
          fc.array(fc.constantFrom(...events, answered), { maxLength: 4 }),
        )
        .map(([all, repeats]) => [...all, ...repeats]),
      { numRuns: 12, seed: 7 },
    );
    for (const order of orders) {
      const { db, ctx, http, call, later } = await open();
      const { call: made } = await call();
      later(70);
      for (const event of order)
        if (typeof event === 'symbol')
          await recordFact(ctx, made.id, { kind: 'answered', at: new Date(start + 2_000) });
        else if ('id' in event) await livekit(http, event);
        else await post(http, event);
      const { calls, leads } = await records(db);
      const { status, duration, endReason, endedAt, answeredAt, openRoom } = calls[0] ?? {};
      ends.add(
        JSON.stringify([
          status,
          duration,
          endReason,
          endedAt,
          answeredAt,
          openRoom,
          leads.map((lead) => [lead.status, lead.lastCallAt]),
        ]),
      );
    }
    expect([...ends]).toHaveLength(1);
    expect([...ends][0]).toContain('"completed",183,"caller_hangup"');
  });

  test('a repeated event has no effect, and ten concurrent ones have one', async () => {
    const { db, http, call, later } = await open();
    await call();
    later(30);
    const effects = await Promise.all(Array.from({ length: 10 }, () => post(http, left)));
    expect(effects.filter((effect) => effect === 'recorded')).toHaveLength(1);
    const before = await records(db);
    later(99);
    expect(await post(http, left)).toBe('repeated');
    expect(await records(db)).toEqual(before);
    expect(await db.inboundEvent.count()).toBe(1);
  });

  test('events of rooms that are not calls are acknowledged and change nothing', async () => {
    const { db, http, call } = await open();
    await call();
    expect(await post(http, { event: 'room.finished', room: { name: 'a-meeting' } })).toBe('no_call');
    expect(await post(http, { event: 'track_published', room: { name: room } })).toBe('ignored');
    expect(await post(http, { event: 'egress_ended' })).toBe('ignored');
    expect((await records(db)).calls).toMatchObject([{ status: 'ringing' }]);
    expect(await db.inboundEvent.count()).toBe(0);
  });

  test('a lead with another open call stays calling until that ends too', async () => {
    const { db, http, call, later } = await open();
    await call('SIP-1', 'room-1');
    await call('SIP-2', 'room-2');
    later(10);
    await post(http, { event: 'room.finished', room: { name: 'room-1' } });
    expect((await records(db)).leads).toMatchObject([{ status: 'calling', attempts: 2, lastCallAt: null }]);
    later(20);
    await post(http, { event: 'room.finished', room: { name: 'room-2' } });
    expect((await records(db)).leads).toMatchObject([{ status: 'completed', lastCallAt: new Date(start + 20_000) }]);
  });

  test("an end event sets completed even over a reconciler's failed, and the lead with it", async () => {
    const { db, ctx, http, call, later } = await open();
    const { call: made } = await call();
    later(70);
    await recordFact(ctx, made.id, { kind: 'lost', at: ctx.now(), reason: 'room_gone' });
    expect(await records(db)).toMatchObject({ calls: [{ status: 'failed' }], leads: [{ status: 'failed' }] });
    await post(http, finished);
    expect(await records(db)).toMatchObject({
      calls: [{ status: 'completed', duration: 183 }],
      leads: [{ status: 'completed' }],
    });
  });

  test('when a room name is reused, the same body ends the next call too, and an old event only the old call', async () => {
    const { db, http, call, later } = await open();
    await call('SIP-1');
    later(10);
    await post(http, left);
    later(100);
    await call('SIP-2');
    const old = { event: 'room_finished', id: 'EV_old', createdAt: String(start / 1000 + 11), room: { name: room } };
    await livekit(http, old);
    expect((await records(db)).calls).toMatchObject([{ status: 'completed' }, { status: 'ringing' }]);
    later(130);
    expect(await post(http, left)).toBe('recorded');
    expect((await records(db)).calls).toMatchObject([{ duration: 10 }, { status: 'completed', duration: 30 }]);
  });

  test('a SIP participant joining creates the record of a call without a prior request, if the number is ours', async () => {
    const { db, http } = await open();
    const participant = (to: string) => ({
      identity: 'sip_+15551234567',
      kind: 'SIP',
      attributes: {
        'sip.callID': `SCL_${to}`,
        'sip.phoneNumber': '+15551234567',
        'sip.trunkPhoneNumber': to,
        'sip.trunkID': 'ST_1',
      },
    });
    const joined = (to: string) => ({
      event: 'participant_joined',
      id: `EV_${to}`,
      createdAt: String(start / 1000),
      room: { name: `room${to}` },
      participant: participant(to),
    });
    expect(await livekit(http, joined('+18588796658'))).toBe('recorded');
    expect(await livekit(http, joined('+12025550123'))).toBe('no_call');
    expect((await records(db)).calls).toMatchObject([
      {
        status: 'ringing',
        callSid: 'SCL_+18588796658',
        callerIdentity: 'sip_+15551234567',
        phoneNumber: '+15551234567',
      },
    ]);
  });

  test.each([
    ['no JSON', '{'],
    ['no event', '{"room":{"name":"x"}}'],
    ['no room', '{"event":"room.finished"}'],
    ['no participant', '{"event":"participant.left","room":{"name":"x"}}'],
    ['a negative duration', '{"event":"room.finished","room":{"name":"x","duration":-1}}'],
  ])('%s is 400', async (_, payload) => {
    const { http } = await open();
    const response = await http.inject({ method: 'POST', url: path, payload, headers: signature(payload) });
    expect([response.statusCode, response.json()]).toEqual([400, { error: { code: 'malformed', message: anyText } }]);
  });

  test('an unauthenticated request gets 401 and ends nothing', async () => {
    const { db, http, call } = await open();
    await call();
    const payload = JSON.stringify(finished);
    for (const headers of [
      { 'content-type': 'application/json' },
      signature(payload, 'wrong'),
      await livekitHeaders(`${payload} `),
    ]) {
      const response = await http.inject({ method: 'POST', url: path, payload, headers });
      expect(response.statusCode).toBe(401);
    }
    expect((await records(db)).calls).toMatchObject([{ status: 'ringing' }]);
  });
});
