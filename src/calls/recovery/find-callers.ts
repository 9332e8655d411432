/**
 * Finds callers that nobody reported: the webhook got lost, or there is none, and no agent was dispatched. The rooms themselves are polled;
 * a caller who is found there gets a record, and so an agent (watchdog.ts).
 */
import type { Context } from '../../context.ts';
import { describeError } from '../../errors.ts';
import { recordJoin } from '../record-fact.ts';
import { findOpenCall } from '../store.ts';

/** How often an agent is dispatched again for a caller whom we had no capacity for, and no call host to say so. */
const dispatchAgainMs = 10_000;

type FindContext = Pick<Context, 'db' | 'livekit' | 'config' | 'now' | 'busy' | 'log' | 'feed'>;

/** When rooms without a call were first found, or last sent an agent: epoch ms. */
type Waiting = Map<string, number>;

/**
 * Opens the search. Each run checks the rooms that have participants and are new since the last run.
 * @param isComing whether an agent of this machine is on its way to a room
 */
export const openCallerSearch = (ctx: FindContext, isComing: (room: string) => boolean): (() => Promise<void>) => {
  let known = new Set<string>();
  const waiting: Waiting = new Map();
  return async () => {
    const rooms = await ctx.livekit.busyRooms();
    for (const room of waiting.keys()) if (!rooms.includes(room)) waiting.delete(room);
    const fresh = rooms.filter((room) => !known.has(room) && !isComing(room));
    // A room that can't be judged yet is checked again: its caller may still be joining.
    const done = await Promise.all(fresh.map((room) => search(ctx, room, waiting)));
    known = new Set(rooms.filter((room) => known.has(room) || done[fresh.indexOf(room)] === true));
  };
};

/** Whether the room needs no further check. */
const search = async (ctx: FindContext, roomName: string, waiting: Waiting): Promise<boolean> => {
  try {
    if ((await findOpenCall(ctx.db, roomName)) !== null) return true;
    const members = (await ctx.livekit.members(roomName)) ?? [];
    // A caller who has an agent is reported by it.
    if (members.some(({ kind }) => kind === 'agent')) return true;
    const caller = members.find(({ kind }) => kind === 'sip');
    if (caller === undefined) return members.length > 0;
    const { identity, attributes } = caller;
    if ((await recordJoin(ctx, { roomName, identity, attributes })) !== 'full') return true;
    await sendAgent(ctx, roomName, waiting);
    return false;
  } catch (error) {
    ctx.log.error({ err: describeError(error), pii: { roomName } }, 'caller search: room could not be checked');
    return false;
  }
};

/** The agent that comes takes the call, or says that all lines are busy. */
const sendAgent = async (ctx: FindContext, roomName: string, waiting: Waiting): Promise<void> => {
  const now = ctx.now().getTime();
  const since = waiting.get(roomName);
  if (since !== undefined && now - since < dispatchAgainMs) return;
  waiting.set(roomName, now);
  if (since === undefined) return;
  ctx.log.warn({ pii: { roomName } }, 'no capacity, and no call host to say so: dispatching again');
  await ctx.livekit.dispatch(roomName, ctx.config.agentName, '');
};
