/** What LiveKit reports of a room, and any other fact, is taken into the record of its call: once. */
import type { Context } from '../context.ts';
import { isUniqueViolation } from '../database/driver-errors.ts';
import type { DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import { settleLead } from '../leads/store.ts';
import { isHeard, type Call } from './call.ts';
import { shortenLease } from './ownership-store.ts';
import { advance, type CallFact } from './lifecycle.ts';
import { receiveCall, routeCall } from './receive-call.ts';
import { callOfEvent, inboxKey, incomingOfAttributes, type EndEvent } from './room-event.ts';
import type { RoomEvent } from '../livekit/room.ts';
import { appendEvent, callsOfRoom, findCall, findOpenCall, saveFacts, takeIntoInbox } from './store.ts';

/** `full`: there is no capacity for the call. It isn't recorded: the agent that comes may still have room for it, and decides. */
type Effect = 'recorded' | 'repeated' | 'no_call' | 'full' | 'ignored';

type EventContext = Pick<Context, 'db' | 'config' | 'now' | 'busy' | 'log' | 'feed' | 'ownerId'>;

/** A running service notices within this time that its agent is gone. */
const lostGraceMs = 1_500;

/** Applies an event. Repeats, lateness and order don't matter; events of rooms that aren't calls change nothing. */
export const recordEvent = async (ctx: EventContext, event: RoomEvent): Promise<Effect> => {
  if (event.kind === 'joined') return recordJoin(ctx, event);
  if (event.kind === 'agent_left') {
    const leaseUntil = new Date(ctx.now().getTime() + lostGraceMs);
    await shortenLease(ctx.db, { ...event, agentIdentity: event.identity, ownerId: ctx.ownerId, leaseUntil });
    return 'ignored';
  }
  try {
    return await recordEnd(ctx, event);
  } catch (error) {
    // The same event at the same moment: the other one is in the inbox, and has had its effect.
    if (isUniqueViolation(error)) return 'repeated';
    throw error;
  }
};

const recordEnd = async (ctx: EventContext, event: EndEvent): Promise<Effect> => {
  const call = callOfEvent(await callsOfRoom(ctx.db, event.roomName), event);
  if (call === null) return 'no_call';
  const { source, at, reason, duration, roomName } = event;
  return recordFact(
    ctx,
    call.id,
    { kind: 'ended', source, at, reason, duration },
    {
      id: inboxKey(event, call.id),
      event: event.event,
      roomName,
      callId: call.id,
    },
  );
};

/** A SIP participant who dialed one of our numbers is a call: so a call whose dispatch got lost is known, too. */
export const recordJoin = async (
  ctx: Omit<EventContext, 'ownerId'>,
  event: Pick<Extract<RoomEvent, { kind: 'joined' }>, 'roomName' | 'identity' | 'attributes'>,
): Promise<Effect> => {
  const incoming = incomingOfAttributes('participant', event.roomName, event.identity, event.attributes);
  if (incoming === null) return 'no_call';
  if ((await findOpenCall(ctx.db, event.roomName)) === null) {
    const { decision } = await routeCall(ctx, { ...incoming, within: null });
    // Another application's number in the same LiveKit project isn't our call, unless it dispatches our agent.
    if (decision.kind === 'reject') return isHeard(decision.reason) ? 'full' : 'no_call';
  }
  await receiveCall(ctx, incoming);
  return 'recorded';
};

type InboxEntry = Parameters<typeof takeIntoInbox>[1];

/** How often a save is retried after another one came first. */
const maxTries = 10;

/** Takes a fact into the record of a call, with what follows for its lead. @param entry the webhook that reported it */
export const recordFact = async (
  ctx: Pick<Context, 'db' | 'log' | 'feed'>,
  callId: string,
  fact: CallFact,
  entry: InboxEntry | null = null,
): Promise<Effect> => {
  for (let tries = 0; tries < maxTries; tries++) {
    try {
      const applied = await transaction(ctx.db, (tx) => applyFact(tx, callId, fact, entry));
      if (applied.kind === 'changed') announce(ctx, applied.call);
      return applied.kind === 'repeated' ? 'repeated' : 'recorded';
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
  throw new Error(`the record of a call changed ${maxTries} times while it was being saved`);
};

type Applied = Readonly<{ kind: 'unchanged' | 'repeated' }> | Readonly<{ kind: 'changed'; call: Call }>;

const applyFact = async (tx: DbClient, callId: string, fact: CallFact, entry: InboxEntry | null): Promise<Applied> => {
  if (entry !== null && !(await takeIntoInbox(tx, entry))) return { kind: 'repeated' };
  const call = await findCall(tx, callId);
  if (call === null) throw new Error('the call of an event does not exist any more');
  const next = advance(call, fact);
  if (next === null) return { kind: 'unchanged' };
  if (!(await saveFacts(tx, call, next))) throw new ConflictError();
  if (next.endedAt !== null && call.leadId !== null) await settleLead(tx, call.leadId);
  if (next.status !== call.status) {
    const { status, endReason, endSource } = next;
    await appendEvent(tx, callId, status, { endReason, endSource });
  }
  return { kind: 'changed', call: { ...call, ...next } };
};

/** Rolls the transaction back, the inbox entry with it. */
class ConflictError extends Error {}

const announce = (ctx: Pick<Context, 'log' | 'feed'>, call: Call): void => {
  const { id: callId, roomName, status, endReason, duration } = call;
  ctx.log.info({ callId, status, endReason, durationSeconds: duration }, 'call advanced');
  ctx.feed.publish({ kind: 'status', callId, roomName, status, endReason });
};
