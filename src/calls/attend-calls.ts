/**
 * Calls that nobody attends: the dispatch got lost, the agent died, the other service vanished, or the room is gone without a word.
 * Looked at again and again; what is done about one is done by whoever takes the attempt in the database first.
 */
import { findSettings } from '../campaigns/store.ts';
import type { Context } from '../context.ts';
import { describeError } from '../errors.ts';
import { isBeingTransferred, type Call, type RoomMember } from './call.ts';
import { recordFact } from './record-event.ts';
import { appendEvent, findUnattended, noteCaller, takeDispatch } from './store.ts';
import { transferCaller } from './transfer-caller.ts';

/** A caller waits this long for the dispatched agent before we ask for one ourselves … */
const agentGraceMs = 2_500;
/** … and this long for the one that we asked for. */
const lastGraceMs = 10_000;
/** A call whose caller never came into a room is given up after this long. */
const callerGraceMs = 60_000;

/** An agent that dies again and again would die once more. */
const maxAttempts = 3;

type AttendContext = Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now' | 'config' | 'ownerId'>;

/**
 * Looks once after every open call of these states that no service has a link to. A call that fails is looked at again.
 * @param leased also those whose service has not said for how long it is gone: where their rooms have no agent at all, it is
 */
export const attendCalls = async (
  ctx: AttendContext,
  statuses: ('ringing' | 'in_progress')[],
  leased = false,
): Promise<void> => {
  for (const call of await findUnattended(ctx.db, { now: ctx.now(), statuses, leased, ownerId: ctx.ownerId })) {
    try {
      await attend(ctx, call);
    } catch (error) {
      ctx.log.error({ callId: call.id, error: describeError(error) }, 'unattended call could not be looked after');
    }
  }
};

const attend = async (ctx: AttendContext, call: Call): Promise<void> => {
  const ageMs = ctx.now().getTime() - call.createdAt.getTime();
  if (ageMs < agentGraceMs) return;
  const members = await ctx.livekit.members(call.roomName);
  const caller = callerAmong(call, members ?? []);
  if (caller === null) {
    if (call.callerIdentity !== null || ageMs > callerGraceMs)
      await giveUp(ctx, call, members === null ? 'room_gone' : 'caller_gone');
    return;
  }
  if (call.callerIdentity === null) await noteCaller(ctx.db, call.id, caller.identity);
  if (hasAgent(ctx, call, members ?? []) || isBeingTransferred(call, ctx.now())) return;
  if (call.dispatchedAt === null) return redispatch(ctx, call);
  if (ctx.now().getTime() - call.dispatchedAt.getTime() > lastGraceMs) await fallBack(ctx, call, 'no_agent');
};

/** No agent can be had for a caller who waits: the person whom the campaign names takes them over, or they are hung up. */
const fallBack = async (ctx: AttendContext, call: Call, reason: string): Promise<void> => {
  const settings =
    call.campaignId === null ? null : await findSettings(ctx.db, call.campaignId, call.campaignVersionId);
  const destination = settings?.fallbackTransferTo ?? null;
  await appendEvent(ctx.db, call.id, 'fallback', { reason, how: destination === null ? 'hang_up' : 'transfer' });
  if (destination !== null && (await transferCaller(ctx, call.id, { destination, cause: 'fallback' }))) return;
  await giveUp(ctx, call, reason);
};

const callerAmong = (call: Call, members: readonly RoomMember[]): RoomMember | null =>
  members.find(({ identity }) => identity === call.callerIdentity) ??
  (call.callerIdentity === null ? members.find(({ kind }) => kind !== 'agent') : null) ??
  null;

/**
 * A dead agent stays in the room for some 20 s: it attends nobody. That of a service which just died leaves at once (agents/telephony/
 * call.ts): where it is still there while the lease is good, so is its service.
 */
const hasAgent = ({ now }: Pick<Context, 'now'>, call: Call, members: readonly RoomMember[]): boolean => {
  const isLeased = call.ownerId !== null && call.leaseUntil !== null && call.leaseUntil > now();
  return members.some(({ kind, identity }) => kind === 'agent' && (isLeased || identity !== call.agentIdentity));
};

/** Asks for an agent: once for a call whose agent never came, once more for each that was lost, until it has lost too many. */
export const redispatch = async (ctx: AttendContext, call: Call): Promise<void> => {
  if (call.attempt >= maxAttempts) return fallBack(ctx, call, 'agent_lost');
  if (!(await takeDispatch(ctx.db, call, ctx.now()))) return;
  ctx.log.warn({ callId: call.id, attempt: call.attempt }, 'caller without an agent: dispatching one');
  await appendEvent(ctx.db, call.id, 'redispatched', { attempt: call.attempt });
  await ctx.livekit.dispatch(call.roomName, ctx.config.agentName, '');
};

const giveUp = async (ctx: AttendContext, call: Call, reason: string): Promise<void> => {
  await ctx.livekit.deleteRoom(call.roomName);
  await recordFact(ctx, call.id, { kind: 'lost', at: ctx.now(), reason });
};
