/** What the service reports about received webhooks: the arrival of authentic ones, and the reason why others failed. */
import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { newCheckRoom } from '#src/livekit/webhook-probe.ts';
import { testContext, testHttp, type TestClock } from '#test/support/context.ts';
import { describeBothDatabases } from '#test/support/database.ts';
import { keys, livekitHeaders, signature } from '#test/support/signed.ts';

const prefix = '/api/v1/webhooks/livekit';
const started = (room: string) => JSON.stringify({ event: 'room_started', room: { name: room }, id: `EV_${room}` });

const post = (http: FastifyInstance, path: string, payload: string, headers: Record<string, string>) =>
  http.inject({ method: 'POST', url: `${prefix}/${path}`, payload, headers });

const statusOf = async (http: FastifyInstance, room: string): Promise<unknown> => {
  const payload = JSON.stringify({ room });
  const response = await post(http, 'check', payload, signature(payload));
  expect(response.statusCode).toBe(200);
  return response.json();
};

describeBothDatabases('POST /webhooks/livekit/check', (openDatabase) => {
  const open = async () => {
    const db = await openDatabase();
    const clock: TestClock = { now: new Date() };
    return { db, clock, http: testHttp(testContext(db, { clock })) };
  };

  test('answers signed requests only', async () => {
    const { http } = await open();
    const payload = JSON.stringify({ room: newCheckRoom() });
    const refused = [
      {},
      signature(payload, 'another'),
      signature('{"room":"x"}'),
      await livekitHeaders(payload, { secret: 'another-secret-that-is-long-enough-for-livekit' }),
    ];
    for (const headers of refused) {
      const all = { 'content-type': 'application/json', ...headers };
      expect((await post(http, 'check', payload, all)).statusCode).toBe(401);
    }
    expect((await post(http, 'check', '{}', signature('{}'))).statusCode).toBe(400);
  });

  test('remembers authentic events of check rooms only, and a limited number of them', async () => {
    const { db, http } = await open();
    const rooms = Array.from({ length: 25 }, newCheckRoom);
    const [first, last] = [rooms[0]!, rooms.at(-1)!];
    expect(await statusOf(http, first)).toEqual({ arrived: false, unproven: null });
    for (const room of [...rooms, 'sip-room-1', 'check-short']) {
      const body = started(room);
      const answer = await post(http, 'events', body, await livekitHeaders(body));
      expect(answer.json()).toEqual({ received: true, effect: 'ignored' });
    }
    expect(await statusOf(http, last)).toEqual({ arrived: true, unproven: null });
    for (const room of [first, 'sip-room-1', 'check-short'])
      expect(await statusOf(http, room)).toEqual({ arrived: false, unproven: null });
    expect(await db.callLog.count()).toBe(0);
  });

  test('reports unproven events, and their apparent issuer, for a minute; never as arrived', async () => {
    const { http, clock } = await open();
    const room = newCheckRoom();
    const body = started(room);
    const wrongSecret = { secret: 'another-secret-that-is-long-enough-for-livekit' };
    const statusAfter = async (headers: Record<string, string>) => {
      expect((await post(http, 'events', body, headers)).statusCode).toBe(401);
      return statusOf(http, room);
    };
    const token = (claims: object) =>
      `Bearer e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${'x'.repeat(43)}`;
    const json = { 'content-type': 'application/webhook+json' };

    // Not in the form of LiveKit's webhooks: unsigned, the contract's signature with another secret, not a JWT, or without the claims.
    for (const headers of [
      json,
      { ...json, ...signature(body, 'another') },
      { ...json, authorization: 'Bearer x.y' },
      { ...json, authorization: 'Bearer e30.bm90IGpzb24.x' },
      { ...json, authorization: token({ iss: 'APIx' }) },
      { ...json, authorization: token([]) },
    ])
      expect(await statusAfter(headers)).toEqual({ arrived: false, unproven: null });

    const unproven = (kind: string, issuer: string | null, count: number) => ({
      arrived: false,
      unproven: { kind, issuer, count, seconds_ago: 0 },
    });
    expect(await statusAfter(await livekitHeaders(body, { key: 'APItheirs', ...wrongSecret }))).toEqual(
      unproven('another_key', 'APItheirs', 1),
    );
    expect(await statusAfter(await livekitHeaders(body, wrongSecret))).toEqual(
      unproven('another_secret', keys.apiKey, 2),
    );
    expect(await statusAfter(await livekitHeaders(`${body} `))).toEqual(unproven('altered', keys.apiKey, 3));
    expect(await statusAfter({ ...json, authorization: token({ iss: '<b>us</b>', sha256: 'x' }) })).toEqual(
      unproven('another_key', null, 4),
    );
    clock.now = new Date(clock.now.getTime() + 30_000);
    expect(await statusOf(http, room)).toMatchObject({ unproven: { count: 4, seconds_ago: 30 } });
    clock.now = new Date(clock.now.getTime() + 31_000);
    expect(await statusOf(http, room)).toEqual({ arrived: false, unproven: null });
  });
});
