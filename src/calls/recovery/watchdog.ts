/**
 * The watchdog of orphaned calls: the dispatch got lost, the agent died, another service vanished, or the room is gone and nobody said
 * so. It polls; whoever claims the right in the database first acts on a call.
 */
import type { Background } from '../../background.ts';
import { findSettings } from '../../campaigns/store.ts';
import type { Context } from '../../context.ts';
import { describeError } from '../../errors.ts';
import type { RoomMember } from '../../livekit/room.ts';
import type { OpenStatus } from '../../protocol/call-status.ts';
import { isBeingTransferred, type Call } from '../call.ts';
import { transferCaller } from '../control/transfer-caller.ts';
import type { GivenUp } from '../lifecycle.ts';
import { claimDispatch, findOrphaned } from '../ownership-store.ts';
import { recordFact } from '../record-fact.ts';
import { appendEvent, hasEventSince, noteCaller } from '../store.ts';
import { isUnderWay, redispatch } from './redispatch.ts';

/** How long a caller waits for the dispatched agent before we dispatch one ourselves … */
const agentGraceMs = 2_500;
/** … and for the one that we dispatched. */
const lastGraceMs = 10_000;
/** An agent whose job was accepted this recently is on its way; LiveKit alone knows on which machine. */
const comingMs = 10_000;
/** How long a caller waits at most for one of the call hosts that are being started. */
const longestWaitMs = 40_000;
/** How long a call may go without its caller ever joining the room. */
const callerGraceMs = 60_000;
/** An agent that is lost again this soon would be lost once more. */
const recoveredWithinMs = 60_000;

type WatchdogContext = Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now' | 'config' | 'ownerId'>;

/**
 * Opens the watchdog. Each run checks the orphaned calls of the given states; a call whose check fails is checked again by the next
 * run. A check takes as long as it takes (a person's phone may have to ring), and no other call waits for it.
 * @param isComing whether an agent of this machine is on its way to a room: late is better than twice
 */
export const openWatchdog = (
  ctx: WatchdogContext,
  background: Pick<Background, 'add'>,
  isComing: (room: string) => boolean,
) => {
  const underWay = new Set<string>();
  /** @param leased also calls whose owner's lease is still good: if their rooms have no agent at all, the owner is gone */
  return async (statuses: OpenStatus[], leased: boolean): Promise<void> => {
    const calls = await findOrphaned(ctx.db, { now: ctx.now(), statuses, leased, ownerId: ctx.ownerId });
    for (const call of calls.filter(({ id, roomName }) => !underWay.has(id) && !isComing(roomName))) {
      underWay.add(call.id);
      background.add('watchdog', () => checkSafely(ctx, call).finally(() => underWay.delete(call.id)));
    }
  };
};

const checkSafely = async (ctx: WatchdogContext, call: Call): Promise<void> => {
  try {
    await checkCall(ctx, call);
  } catch (error) {
    ctx.log.error({ callId: call.id, err: describeError(error) }, 'watchdog: orphaned call could not be checked');
  }
};

const checkCall = async (ctx: WatchdogContext, call: Call): Promise<void> => {
  const ageMs = ctx.now().getTime() - call.createdAt.getTime();
  if (ageMs < agentGraceMs) return;
  const members = await ctx.livekit.members(call.roomName);
  const caller = callerAmong(call, members ?? []);
  if (caller === null) {
    if (call.callerIdentity !== null || ageMs > callerGraceMs)
      await close(ctx, call, members === null ? 'room_gone' : 'caller_gone');
    return;
  }
  if (call.callerIdentity === null) await noteCaller(ctx.db, call.id, caller.identity);
  if (hasAgent(call, members ?? []) || isBeingTransferred(call, ctx.now())) return;
  const waitedMs = ctx.now().getTime() - (call.dispatchedAt ?? call.createdAt).getTime();
  const isRedispatched = await isUnderWay(ctx, call.id);
  if (isRedispatched && waitedMs < longestWaitMs) return;
  if (call.dispatchedAt === null && !isRedispatched) return recoverCall(ctx, call);
  if (waitedMs <= lastGraceMs) return;
  const acceptedAt = await ctx.livekit.acceptedAt(call.roomName);
  const isComing = acceptedAt !== null && ctx.now().getTime() - acceptedAt.getTime() < comingMs;
  if (!isComing || waitedMs > longestWaitMs) await fallBack(ctx, call, 'no_agent');
};

const callerAmong = (call: Call, members: readonly RoomMember[]): RoomMember | null =>
  members.find(({ identity }) => identity === call.callerIdentity) ??
  (call.callerIdentity === null ? members.find(({ kind }) => kind !== 'agent') : null) ??
  null;

/**
 * A dead agent stays in the room for about 20 s. While a service still owns the call we can't tell whether its agent is dead, whatever
 * became of the lease: a service that stalls for a while has live agents, and two agents in one room would be worse than a silence.
 * Agents of a service that died leave at once (agents/telephony/call.ts).
 */
const hasAgent = (call: Call, members: readonly RoomMember[]): boolean =>
  members.some(({ kind, identity }) => kind === 'agent' && (call.ownerId !== null || identity !== call.agentIdentity));

/** Dispatches an agent: once for a call whose agent never came, and once a minute for one whose agent was lost. */
export const recoverCall = async (ctx: WatchdogContext, call: Call): Promise<void> => {
  if (await wasJustRecovered(ctx, call)) return fallBack(ctx, call, 'agent_lost');
  await redispatch(ctx, call, call.attempt === 0 ? 'no_agent' : 'agent_lost');
};

/** Whether the agent that was lost had just replaced another one. */
const wasJustRecovered = async ({ db, now }: WatchdogContext, call: Call): Promise<boolean> =>
  call.attempt > 1 && (await hasEventSince(db, call.id, 'claimed', new Date(now().getTime() - recoveredWithinMs)));

/** No agent can be had for a waiting caller: they are transferred to the campaign's fallback destination, or the call is ended. */
const fallBack = async (ctx: WatchdogContext, call: Call, reason: GivenUp): Promise<void> => {
  if (!(await claimDispatch(ctx.db, call, ctx.now()))) return;
  const settings =
    call.campaignId === null ? null : await findSettings(ctx.db, call.campaignId, call.campaignVersionId);
  const destination = settings?.fallbackTransferTo ?? null;
  await appendEvent(ctx.db, call.id, 'fallback', { reason, how: destination === null ? 'hang_up' : 'transfer' });
  if (destination !== null) {
    const outcome = await transferCaller(ctx, call.id, { destination, cause: 'fallback' });
    if (outcome === 'taken_over' || outcome === 'under_way') return;
  }
  await ctx.livekit.deleteRoom(call.roomName);
  await recordFact(ctx, call.id, { kind: 'ended', source: 'link', at: ctx.now(), reason, duration: null });
};

/** The caller is gone, and no event said so. */
const close = async (ctx: WatchdogContext, call: Call, reason: string): Promise<void> => {
  await ctx.livekit.deleteRoom(call.roomName);
  await recordFact(ctx, call.id, { kind: 'lost', at: ctx.now(), reason });
};
