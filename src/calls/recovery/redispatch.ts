/**
 * Sends an agent to a caller who has none: its dispatch was lost, its job was refused because no call host was ready, or the agent
 * died. Each dispatch of ours is an event `redispatched` of its call, with the reason.
 */
import type { Context } from '../../context.ts';
import type { Call } from '../call.ts';
import { claimDispatch, returnDispatch } from '../ownership-store.ts';
import { appendEvent, findOpenCall, lastEvent } from '../store.ts';

type RedispatchReason = 'no_agent' | 'agent_lost' | 'job_refused';

type RedispatchContext = Pick<Context, 'db' | 'livekit' | 'log' | 'config' | 'now' | 'ownerId'>;

/** Within this time a worker knows what becomes of a job: 3 s until LiveKit drops an unassigned one, and our own wait. */
const underWayMs = 4_500;

/**
 * Whether an agent was dispatched again a moment ago after its job had been refused: it comes, or is dispatched once more.
 * @param exceptBy the service whose own dispatches don't count; null: all count
 */
export const isUnderWay = async (
  { db, now }: Pick<RedispatchContext, 'db' | 'now'>,
  callId: string,
  exceptBy: string | null = null,
): Promise<boolean> => {
  const last = await lastEvent(db, callId, 'redispatched');
  if (last === null || now().getTime() - last.at.getTime() > underWayMs) return false;
  const { reason, by } = dataOf(last.data);
  return reason === 'job_refused' && (exceptBy === null || by !== exceptBy);
};

const dataOf = (data: unknown): Readonly<{ reason?: unknown; by?: unknown }> =>
  typeof data === 'object' && data !== null ? data : {};

/** Dispatches an agent for a call, unless another service has just claimed that. @throws what LiveKit throws */
export const redispatch = async (
  ctx: Pick<RedispatchContext, 'db' | 'livekit' | 'log' | 'config' | 'now'>,
  call: Call,
  reason: Exclude<RedispatchReason, 'job_refused'>,
): Promise<void> => {
  if (!(await claimDispatch(ctx.db, call, ctx.now()))) return;
  ctx.log.warn({ callId: call.id, attempt: call.attempt, reason }, 'caller without an agent: redispatching');
  await appendEvent(ctx.db, call.id, 'redispatched', { reason, attempt: call.attempt });
  try {
    await ctx.livekit.dispatch(call.roomName, ctx.config.agentName, '');
  } catch (error) {
    await returnDispatch(ctx.db, call.id);
    throw error;
  }
};

/**
 * Dispatches an agent again after its job had been refused, into a room with a caller and without an agent. A room that another
 * service dispatched to a moment ago is left alone: two services that refuse each other's jobs would double them each time.
 */
export const redispatchRefused = async (ctx: RedispatchContext, roomName: string, metadata: string): Promise<void> => {
  const members = (await ctx.livekit.members(roomName)) ?? [];
  const isWaiting = members.some(({ kind }) => kind !== 'agent') && !members.some(({ kind }) => kind === 'agent');
  if (!isWaiting) return;
  const call = await findOpenCall(ctx.db, roomName);
  if (call !== null && (await isUnderWay(ctx, call.id, ctx.ownerId))) return;
  const reason = 'job_refused' satisfies RedispatchReason;
  ctx.log.warn({ callId: call?.id, reason, pii: { roomName } }, 'no call host was ready: redispatching');
  await ctx.livekit.dispatch(roomName, ctx.config.agentName, metadata);
  if (call !== null) await appendEvent(ctx.db, call.id, 'redispatched', { reason, by: ctx.ownerId });
};
