/**
 * Callers of whom nobody told us: the webhook got lost, or there is none, and no agent was dispatched. The rooms themselves are looked
 * at; whom we find there gets a record, and so an agent (attend-calls.ts).
 */
import type { Context } from '../../context.ts';
import { describeError } from '../../errors.ts';
import { recordJoin } from '../record-fact.ts';
import { findOpenCall } from '../store.ts';

/** A caller for whom there was no room, and no process to say so, is sent an agent anew after each of these. */
const askAgainMs = 10_000;

type FindContext = Pick<Context, 'db' | 'livekit' | 'config' | 'now' | 'busy' | 'log' | 'feed'>;

/** When rooms without a call were first found waiting, or last sent an agent: ms since the epoch. */
type Waiting = Map<string, number>;

/**
 * Opens the look. Each call of it looks once, at the rooms that are new since the last time and have somebody in them.
 * @param isComing whether an agent of this machine is on its way to a room
 */
export const openCallerSearch = (ctx: FindContext, isComing: (room: string) => boolean): (() => Promise<void>) => {
  let known = new Set<string>();
  const waiting: Waiting = new Map();
  return async () => {
    const rooms = await ctx.livekit.busyRooms();
    for (const room of waiting.keys()) if (!rooms.includes(room)) waiting.delete(room);
    const fresh = rooms.filter((room) => !known.has(room) && !isComing(room));
    // A room of which nothing can be made now is looked at again: its caller may still be coming in.
    const done = await Promise.all(fresh.map((room) => search(ctx, room, waiting)));
    known = new Set(rooms.filter((room) => known.has(room) || done[fresh.indexOf(room)] === true));
  };
};

/** Whether the room needs no further look. */
const search = async (ctx: FindContext, roomName: string, waiting: Waiting): Promise<boolean> => {
  try {
    if ((await findOpenCall(ctx.db, roomName)) !== null) return true;
    const members = (await ctx.livekit.members(roomName)) ?? [];
    // Whoever has an agent already is told of by it.
    if (members.some(({ kind }) => kind === 'agent')) return true;
    const caller = members.find(({ kind }) => kind === 'sip');
    if (caller === undefined) return members.length > 0;
    const { identity, attributes } = caller;
    if ((await recordJoin(ctx, { roomName, identity, attributes })) !== 'full') return true;
    await sendAgent(ctx, roomName, waiting);
    return false;
  } catch (error) {
    ctx.log.error({ err: describeError(error), pii: { roomName } }, 'a room could not be looked at');
    return false;
  }
};

/** The agent that comes has the call, or says that all lines are busy. */
const sendAgent = async (ctx: FindContext, roomName: string, waiting: Waiting): Promise<void> => {
  const now = ctx.now().getTime();
  const since = waiting.get(roomName);
  if (since !== undefined && now - since < askAgainMs) return;
  waiting.set(roomName, now);
  if (since === undefined) return;
  ctx.log.warn({ pii: { roomName } }, 'a caller whom nobody could tell that we are full: dispatching again');
  await ctx.livekit.dispatch(roomName, ctx.config.agentName, '');
};
