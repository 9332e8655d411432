/** What LiveKit's own state tells of calls: callers of whom nobody told us, and rooms that are gone without a word. */
import { expect, test } from 'vitest';
import { openWatchdog } from '#src/calls/recovery/watchdog.ts';
import { redispatchRefused } from '#src/calls/recovery/redispatch.ts';
import { openCallerSearch } from '#src/calls/recovery/find-callers.ts';
import { recordJoin } from '#src/calls/record-fact.ts';
import { openReconciler } from '#src/calls/recovery/reconcile.ts';
import { receiveCall } from '#src/calls/receive-call.ts';
import type { RoomMember } from '#src/livekit/room.ts';
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
      acceptedAt: (): Promise<Date | null> => Promise.resolve(null),
      existingRooms: (asked: readonly string[]) => Promise.resolve(new Set(asked.filter((room) => rooms.has(room)))),
    };
    const deleteRoom = (room: string) => Promise.resolve(void rooms.delete(room));
    await seedTenant(db);
    const later = (ms: number): void => {
      clock.now = new Date(clock.now.getTime() + ms);
    };
    return { db, ctx: { ...plain, livekit: { ...livekit, deleteRoom } }, rooms, later, looks: () => looks };
  };

  test('a caller in a room of whom nobody told us gets a record, once; others are left alone', async () => {
    const { db, ctx, rooms, looks } = await open();
    const search = openCallerSearch(ctx, () => false);
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

  test('a caller for whom there is no room, and nobody to say so, is sent an agent again and again, and no record', async () => {
    const { db, ctx, rooms, later } = await open();
    const sent: string[] = [];
    const dispatch = (room: string) => Promise.resolve(void sent.push(room));
    let busy: string | null = '4 of 4 calls are open';
    const search = openCallerSearch({ ...ctx, livekit: { ...ctx.livekit, dispatch }, busy: () => busy }, () => false);
    rooms.set('ours', [sip()]).set('theirs', [sip('+12025550123')]);
    const look = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time++) {
        await search();
        later(2_000);
      }
    };
    await look(5); // its own agent may be coming
    expect(sent).toEqual([]);
    await look(8);
    expect(sent).toEqual(['ours', 'ours']);
    expect(await db.callLog.count()).toBe(0);
    busy = null;
    await look(4);
    expect(sent).toHaveLength(2);
    expect(await db.callLog.findMany()).toMatchObject([{ roomName: 'ours', status: 'ringing' }]);
  });

  test('a refused job is asked for again while its caller waits, by one of the services that refuse it', async () => {
    const { db, ctx, rooms, later } = await open();
    const sent: string[] = [];
    const service = (ownerId: string) => {
      const dispatch = () => Promise.resolve(void sent.push(ownerId));
      return { ...ctx, ownerId, livekit: { ...ctx.livekit, dispatch } };
    };
    const [one, other] = [service('one'), service('other')];
    rooms.set('ours', [sip()]);
    await recordJoin(ctx, { roomName: 'ours', identity: sip().identity, attributes: sip().attributes });
    await redispatchRefused(one, 'ours', '');
    later(2_300);
    await redispatchRefused(other, 'ours', '');
    await redispatchRefused(one, 'ours', '');
    expect(sent).toEqual(['one', 'one']);
    later(5_000); // the one is gone
    await redispatchRefused(other, 'ours', '');
    expect(sent).toEqual(['one', 'one', 'other']);
    rooms.set('ours', [sip(), agent]);
    await redispatchRefused(other, 'ours', '');
    rooms.delete('ours');
    await redispatchRefused(other, 'ours', '');
    expect(sent).toHaveLength(3);
    expect(await db.callEvent.count({ where: { type: 'redispatched' } })).toBe(3);
  });

  test('a caller for whom no process is ever ready waits for 40 s, not for ever', async () => {
    const { db, ctx, rooms, later } = await open();
    const watched = { ...ctx, livekit: { ...ctx.livekit, dispatch: () => Promise.resolve() } };
    rooms.set('ours', [sip()]);
    await recordJoin(ctx, { roomName: 'ours', identity: sip().identity, attributes: sip().attributes });
    const running: Promise<unknown>[] = [];
    const watch = openWatchdog(watched, { add: (_name, work) => void running.push(work()) }, () => false);
    const startedAt = ctx.now().getTime();
    while (rooms.has('ours') && ctx.now().getTime() - startedAt < 60_000) {
      await redispatchRefused(watched, 'ours', '');
      // The clock of the events is the machine's, the test's runs ahead of it.
      await db.callEvent.updateMany({ data: { at: ctx.now() } });
      later(2_000);
      await watch(['ringing'], false);
      await Promise.all(running.splice(0));
    }
    expect(ctx.now().getTime() - startedAt).toBe(40_000);
    expect(await db.callLog.findFirst()).toMatchObject({ endReason: 'no_agent', openRoom: null });
    const reasons = (await db.callEvent.findMany({ where: { type: 'redispatched' } })).map(({ data }) => data);
    expect(reasons).not.toContainEqual(expect.objectContaining({ reason: 'no_agent' }));
  });

  test('an agent whose job a worker has just accepted, of whichever machine, is waited for before the fallback', async () => {
    const { db, ctx, rooms, later } = await open();
    const accepted = new Date(ctx.now().getTime() + 9_000);
    const livekit = { ...ctx.livekit, acceptedAt: () => Promise.resolve(accepted), dispatch: () => Promise.resolve() };
    rooms.set('ours', [sip()]);
    await recordJoin(ctx, { roomName: 'ours', identity: sip().identity, attributes: sip().attributes });
    const running: Promise<unknown>[] = [];
    const watched = { ...ctx, livekit };
    const watch = openWatchdog(watched, { add: (_name, work) => void running.push(work()) }, () => false);
    const attendAt = async (): Promise<boolean> => {
      await watch(['ringing'], false);
      await Promise.all(running.splice(0));
      return rooms.has('ours');
    };
    later(3_000);
    expect(await attendAt()).toBe(true); // dispatches again
    later(10_500);
    expect(await attendAt()).toBe(true);
    later(6_000); // the agent never came
    expect(await attendAt()).toBe(false);
    expect(await db.callLog.findFirst()).toMatchObject({ endReason: 'no_agent', openRoom: null });
  });

  test('an open call whose room is missing twice in a row ends; one that is there, or young, does not', async () => {
    const { db, ctx, rooms, later } = await open();
    const call = (roomName: string, source: 'webhook' | 'participant' = 'participant') =>
      receiveCall(ctx, {
        ...{ source, callSid: `SIP-${roomName}`, roomName, from: '+15551234567', to: '+18588796658', trunkId: null },
        callerIdentity: source === 'participant' ? 'caller' : null,
      });
    await call('gone');
    await call('there');
    await call('never-seen', 'webhook'); // its caller never came: the watchdog gives it up
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

  test('an agent of ours that speaks to nobody at two looks in a row is called off', async () => {
    const { db, ctx, rooms, later } = await open();
    const hold = async (roomName: string, ownerId: string) => {
      const from = '+15551234567';
      const call = { source: 'participant', callSid: `SIP-${roomName}`, roomName, from, to: '+18588796658' } as const;
      await receiveCall(ctx, { ...call, trunkId: null, callerIdentity: 'sip_+15551234567' });
      await db.callLog.update({ where: { openRoom: roomName }, data: { ownerId, status: 'in_progress' } });
    };
    await hold('deserted', ctx.ownerId);
    await hold('attended', ctx.ownerId);
    await hold('of another', 'another');
    rooms.set('deserted', [agent]).set('attended', [agent, sip()]).set('of another', [agent]);
    later(31_000);
    const reconcile = openReconciler(ctx);
    await reconcile();
    expect(await db.callLog.count({ where: { openRoom: null } })).toBe(0);
    await reconcile();
    expect(await db.callLog.findMany({ where: { openRoom: null } })).toMatchObject([
      { roomName: 'deserted', endReason: 'caller_gone' },
    ]);
    expect([...rooms.keys()]).toEqual(['attended', 'of another']);
  });
});
