/** A job was refused because no call process was ready, or was never assigned: its caller waits, and nobody else will send an agent. */
import type { Context } from '../../context.ts';
import { appendEvent, findOpenCall, lastEvent } from '../store.ts';

type AgainContext = Pick<Context, 'db' | 'livekit' | 'log' | 'config' | 'now' | 'ownerId'>;

/** A worker knows within this time what becomes of a job: 3 s until LiveKit gives it up, and our own patience. */
const underWayMs = 4_500;

/** Whether an agent was asked for again a moment ago: it comes, or is asked for once more. `butFor`: by another service than this one. */
export const isUnderWay = async (
  { db, now }: Pick<AgainContext, 'db' | 'now'>,
  callId: string,
  butFor: string | null = null,
): Promise<boolean> => {
  const last = await lastEvent(db, callId, 'dispatched_again');
  if (last === null || now().getTime() - last.at.getTime() > underWayMs) return false;
  return butFor === null || byOf(last.data) !== butFor;
};

/**
 * Asks once more for an agent in a room with a caller and without an agent. A room that has nobody is left alone, and one for which
 * another service asked a moment ago: of two that refuse each other's jobs each would double them.
 */
export const dispatchAgain = async (ctx: AgainContext, roomName: string, metadata: string): Promise<void> => {
  const members = (await ctx.livekit.members(roomName)) ?? [];
  const isWaiting = members.some(({ kind }) => kind !== 'agent') && !members.some(({ kind }) => kind === 'agent');
  if (!isWaiting) return;
  const call = await findOpenCall(ctx.db, roomName);
  if (call !== null && (await isUnderWay(ctx, call.id, ctx.ownerId))) return;
  ctx.log.warn({ pii: { roomName } }, 'no call process was ready: dispatching again');
  await ctx.livekit.dispatch(roomName, ctx.config.agentName, metadata);
  if (call !== null) await appendEvent(ctx.db, call.id, 'dispatched_again', { by: ctx.ownerId });
};

const byOf = (data: unknown): unknown => (typeof data === 'object' && data !== null && 'by' in data ? data.by : null);
