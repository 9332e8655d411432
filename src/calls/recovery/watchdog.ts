/**
 * Calls that nobody attends: the dispatch got lost, the agent died, the other service vanished, or the room is gone without a word.
 * Looked at again and again; what is done about one is done by whoever takes the right to it in the database first.
 */
import type { Background } from '../../background.ts';
import { findSettings } from '../../campaigns/store.ts';
import type { Context } from '../../context.ts';
import { describeError } from '../../errors.ts';
import type { RoomMember } from '../../livekit/room.ts';
import { isBeingTransferred, type Call } from '../call.ts';
import { isUnderWay } from './redispatch.ts';
import { findUnattended, giveDispatchBack, takeDispatch } from '../ownership-store.ts';
import type { GivenUp } from '../lifecycle.ts';
import { recordFact } from '../record-fact.ts';
import { appendEvent, hasEventSince, noteCaller } from '../store.ts';
import { transferCaller } from '../control/transfer-caller.ts';

/** A caller waits this long for the dispatched agent before we ask for one ourselves … */
const agentGraceMs = 2_500;
/** … and this long for the one that we asked for. */
const lastGraceMs = 10_000;
/** An agent whose job was accepted so recently is on its way; which machine's it is only LiveKit knows. */
const comingMs = 10_000;
/** So long a caller waits for one of the call processes that are being started, if there ever is one. */
const mostWaitMs = 40_000;
/** A call whose caller never came into a room is given up after this long. */
const callerGraceMs = 60_000;

/** An agent that is lost again so soon would be lost once more. */
const recoveredWithinMs = 60_000;

type AttendContext = Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now' | 'config' | 'ownerId'>;

/**
 * Opens the look after open calls of given states that no service has a link to. A call that fails is looked at again. One takes as long
 * as it takes, such as a person's phone that rings, and no other waits for that.
 * @param isComing whether an agent of this machine is on its way to a room: late is better than twice
 * @param leased also those whose service has not said for how long it is gone: where their rooms have no agent at all, it is
 */
export const openAttendance = (
  ctx: AttendContext,
  background: Pick<Background, 'add'>,
  isComing: (room: string) => boolean,
) => {
  const underWay = new Set<string>();
  return async (statuses: ('ringing' | 'in_progress')[], leased: boolean): Promise<void> => {
    const calls = await findUnattended(ctx.db, { now: ctx.now(), statuses, leased, ownerId: ctx.ownerId });
    for (const call of calls.filter(({ id, roomName }) => !underWay.has(id) && !isComing(roomName))) {
      underWay.add(call.id);
      background.add('attend a call', () => tryToAttend(ctx, call).finally(() => underWay.delete(call.id)));
    }
  };
};

const tryToAttend = async (ctx: AttendContext, call: Call): Promise<void> => {
  try {
    await attend(ctx, call);
  } catch (error) {
    ctx.log.error({ callId: call.id, error: describeError(error) }, 'unattended call could not be looked after');
  }
};

const attend = async (ctx: AttendContext, call: Call): Promise<void> => {
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
  const isAskedFor = await isUnderWay(ctx, call.id);
  if (isAskedFor && waitedMs < mostWaitMs) return;
  if (call.dispatchedAt === null && !isAskedFor) return redispatch(ctx, call);
  if (waitedMs <= lastGraceMs) return;
  const acceptedAt = await ctx.livekit.acceptedAt(call.roomName);
  const isComing = acceptedAt !== null && ctx.now().getTime() - acceptedAt.getTime() < comingMs;
  if (!isComing || waitedMs > mostWaitMs) await fallBack(ctx, call, 'no_agent');
};

const callerAmong = (call: Call, members: readonly RoomMember[]): RoomMember | null =>
  members.find(({ identity }) => identity === call.callerIdentity) ??
  (call.callerIdentity === null ? members.find(({ kind }) => kind !== 'agent') : null) ??
  null;

/**
 * A dead agent stays in the room for some 20 s. Of one that a service still holds it isn't known, whatever became of its lease: a service
 * that stands still for a while has live agents, and two in one room would be worse than a silence. That of a service which died
 * leaves at once (agents/telephony/call.ts).
 */
const hasAgent = (call: Call, members: readonly RoomMember[]): boolean =>
  members.some(({ kind, identity }) => kind === 'agent' && (call.ownerId !== null || identity !== call.agentIdentity));

/** Asks for an agent: once for a call whose agent never came, and once within a minute for one whose agent was lost. */
export const redispatch = async (ctx: AttendContext, call: Call): Promise<void> => {
  if (await wasJustRecovered(ctx, call)) return fallBack(ctx, call, 'agent_lost');
  if (!(await takeDispatch(ctx.db, call, ctx.now()))) return;
  ctx.log.warn({ callId: call.id, attempt: call.attempt }, 'caller without an agent: dispatching one');
  await appendEvent(ctx.db, call.id, 'redispatched', { attempt: call.attempt });
  try {
    await ctx.livekit.dispatch(call.roomName, ctx.config.agentName, '');
  } catch (error) {
    await giveDispatchBack(ctx.db, call.id);
    throw error;
  }
};

/** Whether the agent that was lost had just replaced another one. */
const wasJustRecovered = async ({ db, now }: AttendContext, call: Call): Promise<boolean> =>
  call.attempt > 1 && (await hasEventSince(db, call.id, 'claimed', new Date(now().getTime() - recoveredWithinMs)));

/** No agent can be had for a caller who waits: the person whom the campaign names takes them over, or they are hung up. */
const fallBack = async (ctx: AttendContext, call: Call, reason: GivenUp): Promise<void> => {
  if (!(await takeDispatch(ctx.db, call, ctx.now()))) return;
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

/** The caller is gone, and nobody said so. */
const close = async (ctx: AttendContext, call: Call, reason: string): Promise<void> => {
  await ctx.livekit.deleteRoom(call.roomName);
  await recordFact(ctx, call.id, { kind: 'lost', at: ctx.now(), reason });
};
