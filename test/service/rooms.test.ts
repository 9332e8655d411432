/** What LiveKit's own state tells of calls: callers of whom nobody told us, and rooms that are gone without a word. */
import { expect, test } from 'vitest';
import { openCallerSearch } from '#src/calls/find-callers.ts';
import { openReconciler } from '#src/calls/reconcile-calls.ts';
import { receiveCall } from '#src/calls/receive-call.ts';
import type { RoomMember } from '#src/calls/call.ts';
import { seedTenant, testContext, type TestClock } from '#test/support/context.ts';
import { describeBothDatabases } from '#test/support/database.ts';

const sip = (to = '+18588796658'): RoomMember => ({
  identity: 'sip_+15551234567',
  kind: 'sip',
  attributes: { 'sip.callID': 'SCL_1', 'sip.phoneNumber': '+15551234567', 'sip.trunkPhoneNumber': to },
});
const agent: RoomMember = { identity: 'agent-1', kind: 'agent', attributes: {} };

describeBothDatabases('rooms', (openDatabase) => {
  const open = async () => {
    const db = await openDatabase();
    const clock: TestClock = { now: new Date() };
    const plain = testContext(db, { clock });
    const rooms = new Map<string, RoomMember[]>();
    let looks = 0;
    const livekit = {
      ...plain.livekit,
      busyRooms: () => Promise.resolve([...rooms.keys()].filter((room) => rooms.get(room)?.length !== 0)),
      members: (room: string) => {
        looks += 1;
        return Promise.resolve(rooms.get(room) ?? null);
      },
      existingRooms: (asked: readonly string[]) => Promise.resolve(new Set(asked.filter((room) => rooms.has(room)))),
    };
    await seedTenant(db);
    const later = (ms: number): void => {
      clock.now = new Date(clock.now.getTime() + ms);
    };
    return { db, ctx: { ...plain, livekit }, rooms, later, looks: () => looks };
  };

  test('a caller in a room of whom nobody told us gets a record, once; others are left alone', async () => {
    const { db, ctx, rooms, looks } = await open();
    const search = openCallerSearch(ctx);
    rooms
      .set('ours', [sip()])
      .set('theirs', [sip('+12025550123')])
      .set('meeting', [{ ...sip(), kind: 'other' }]);
    rooms.set('attended', [sip(), agent]).set('empty', []);
    await search();
    expect(await db.callLog.findMany()).toMatchObject([{ roomName: 'ours', status: 'ringing', openRoom: 'ours' }]);
    expect(await db.callLog.findFirst()).toMatchObject({ callerIdentity: 'sip_+15551234567', callSid: 'SCL_1' });
    const looked = looks();
    await search();
    await search();
    expect(looks()).toBe(looked);
    expect(await db.callLog.count()).toBe(1);
    rooms.set('empty', [{ ...sip(), attributes: { ...sip().attributes, 'sip.callID': 'SCL_2' } }]);
    await search();
    expect(await db.callLog.count()).toBe(2);
  });

  test('an open call whose room is missing twice in a row ends; one that is there, or young, does not', async () => {
    const { db, ctx, rooms, later } = await open();
    const call = (roomName: string, door: 'asked' | 'joined' = 'joined') =>
      receiveCall(ctx, {
        ...{ door, callSid: `SIP-${roomName}`, roomName, from: '+15551234567', to: '+18588796658', trunkId: null },
        callerIdentity: door === 'joined' ? 'caller' : null,
      });
    await call('gone');
    await call('there');
    await call('never-seen', 'asked'); // its caller never came: attend-calls.ts gives it up
    rooms.set('there', [sip()]);
    const reconcile = openReconciler(ctx);
    await reconcile();
    later(31_000);
    await reconcile();
    expect(await db.callLog.count({ where: { openRoom: null } })).toBe(0);
    await reconcile();
    const ended = await db.callLog.findMany({ where: { openRoom: null } });
    expect(ended).toMatchObject([{ roomName: 'gone', status: 'failed', endReason: 'room_gone' }]);
  });
});
