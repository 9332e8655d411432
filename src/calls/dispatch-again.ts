/** A job was refused because no call process was ready, or was never assigned: its caller waits, and nobody else will send an agent. */
import type { Context } from '../context.ts';
import { noteDispatched } from './hold-store.ts';
import { appendEvent, findOpenCall } from './store.ts';

/** Asks once more for an agent in a room with a caller and without an agent. A room that has nobody is left alone. */
export const dispatchAgain = async (
  ctx: Pick<Context, 'db' | 'livekit' | 'log' | 'config' | 'now'>,
  roomName: string,
  metadata: string,
): Promise<void> => {
  const members = (await ctx.livekit.members(roomName)) ?? [];
  const isWaiting = members.some(({ kind }) => kind !== 'agent') && !members.some(({ kind }) => kind === 'agent');
  if (!isWaiting) return;
  ctx.log.warn({ pii: { roomName } }, 'no call process was ready: dispatching again');
  await ctx.livekit.dispatch(roomName, ctx.config.agentName, metadata);
  const call = await findOpenCall(ctx.db, roomName);
  if (call === null) return;
  await noteDispatched(ctx.db, call.id, ctx.now());
  await appendEvent(ctx.db, call.id, 'dispatched_again', {});
};
