/** An incoming call is routed and recorded. Whichever source reports it first creates the record; the others find it. */
import type { Config } from '../config.ts';
import type { Context } from '../context.ts';
import { isUniqueViolation } from '../database/driver-errors.ts';
import type { DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import { inboundNamePrefix, startLead } from '../leads/store.ts';
import { callerOf, isAnonymous, toE164 } from '../numbers/number.ts';
import { decide, rejectReasons, type Decision, type RejectReason, type RouteFacts } from '../routing/route.ts';
import { loadRouteFacts, lockCampaignOf } from '../routing/store.ts';
import type { TenantScope } from '../tenants/scope.ts';
import type { Call, CallOutcome, IncomingCall } from './call.ts';
import { findCall, findKnownCalls, insertCall, noteCaller, type KnownAs } from './store.ts';

export type ReceiveContext = Pick<Context, 'db' | 'config' | 'now' | 'busy' | 'log' | 'feed'>;

/** How long after a refusal a job for the same room still belongs to the refused call. */
const sameRefusalMs = 60_000;

/**
 * Records an incoming call and decides which agent takes it. A repeat, known by its `callSid` or by a room whose call is open, has the
 * same outcome and changes nothing. A refused call is recorded too.
 */
export const receiveCall = async (ctx: ReceiveContext, incoming: IncomingCall): Promise<CallOutcome> => {
  // Repeats of the webhook are rare: the unique columns find them, at no cost to all other calls.
  const known = incoming.source === 'webhook' ? null : await findKnown(ctx.db, incoming, ctx.now());
  if (known !== null) return outcomeOf(await withCaller(ctx.db, known, incoming), ctx.config.agentName);
  try {
    return await recordNew(ctx, incoming);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const theirs = await findKnown(ctx.db, incoming, ctx.now());
    if (theirs === null) throw error;
    return outcomeOf(theirs, ctx.config.agentName);
  }
};

/** What a repeat is known by, best first: the webhook names the call's id, everything else the room. */
const knownBy: Readonly<Record<'webhook' | 'room', readonly KnownAs[]>> = {
  webhook: ['callSid', 'openRoom'],
  room: ['openRoom', 'callSid', 'refusal'],
};

const findKnown = async (db: DbClient, incoming: IncomingCall, now: Date): Promise<Call | null> => {
  const { source, callSid, roomName } = incoming;
  const refusedSince = new Date(now.getTime() - sameRefusalMs);
  const known = await findKnownCalls(db, { callSid, roomName, refusedSince });
  if (known.length === 0) return null;
  const ways = source === 'webhook' ? knownBy.webhook : knownBy.room;
  const [best] = ways.flatMap((way) => known.find(({ knownAs }) => knownAs === way) ?? []);
  return best === undefined ? null : findCall(db, best.id);
};

const withCaller = async (db: DbClient, call: Call, { callerIdentity }: IncomingCall): Promise<Call> => {
  if (callerIdentity === null || call.callerIdentity !== null) return call;
  await noteCaller(db, call.id, callerIdentity);
  return { ...call, callerIdentity };
};

const outcomeOf = (call: Call, standardAgent: string): CallOutcome =>
  call.status === 'rejected'
    ? { kind: 'reject', call, reason: rejectReasons.find((reason) => reason === call.rejectReason) ?? 'number_unknown' }
    : { kind: 'accept', call, agentName: call.agentName ?? standardAgent };

export type RouteContext = Pick<Context, 'db' | 'now' | 'busy'> &
  Readonly<{ config: Pick<Config, 'defaultCountry' | 'agentName' | 'livekit' | 'limits'> }>;

/**
 * Routes a call without recording anything.
 * @param query.within the tenant whose numbers count, others being unknown; null: all tenants'
 */
export const routeCall = async (
  ctx: RouteContext,
  query: Readonly<{ to: string; trunkId: string | null; within: TenantScope | null }>,
): Promise<Readonly<{ dialed: string | null; facts: RouteFacts | null; decision: Decision }>> => {
  const dialed = toE164(query.to, ctx.config.defaultCountry);
  const found = dialed === null ? null : await loadRouteFacts(ctx.db, { number: dialed, caller: null, now: ctx.now() });
  const facts = query.within === null || query.within.tenantId === found?.tenant.id ? found : null;
  return { dialed, facts, decision: decideNow(ctx, query.trunkId, facts) };
};

const decideNow = (
  ctx: Pick<RouteContext, 'config' | 'busy'>,
  trunkId: string | null,
  facts: RouteFacts | null,
): Decision =>
  decide(
    {
      trunkId,
      inboundTrunkId: ctx.config.livekit?.inboundTrunkId ?? null,
      fallbackAgent: ctx.config.agentName,
      limits: ctx.config.limits,
      busy: ctx.busy(),
    },
    facts,
  );

const recordNew = async (ctx: ReceiveContext, incoming: IncomingCall): Promise<CallOutcome> => {
  const recorded = await transaction(ctx.db, (tx) => recordIncoming(tx, ctx, incoming));
  return recorded.decision === null ? outcomeOf(recorded.call, ctx.config.agentName) : announce(ctx, recorded);
};

type Recorded = Readonly<{ call: Call; decision: Decision }> | Readonly<{ call: Call; decision: null }>;

/** Routes and records a call within a transaction. `decision` null: it repeats a call that was accepted. */
export const recordIncoming = async (
  tx: DbClient,
  ctx: Pick<ReceiveContext, 'config' | 'now' | 'busy'>,
  incoming: IncomingCall,
): Promise<Recorded> => {
  const { config, now } = ctx;
  const dialed = toE164(incoming.to, config.defaultCountry);
  const caller = callerOf(incoming.from, incoming.callSid, config.defaultCountry);
  if (dialed !== null) await lockCampaignOf(tx, dialed);
  const facts = dialed === null ? null : await loadRouteFacts(tx, { number: dialed, caller, now: now() });
  const decision = decideNow(ctx, incoming.trunkId, facts);
  // What would be refused now may repeat a call that was accepted.
  const known = decision.kind === 'reject' ? await findKnown(tx, incoming, now()) : null;
  if (known !== null) return { call: known, decision: null };
  const leadId = decision.kind === 'accept' ? await leadOf(tx, facts, caller, now()) : null;
  const call = await insertCall(tx, {
    callSid: incoming.callSid,
    roomName: incoming.roomName,
    phoneNumber: caller,
    dialedNumber: dialed ?? incoming.to,
    status: decision.kind === 'accept' ? 'ringing' : 'rejected',
    agentName: decision.kind === 'accept' ? decision.agentName : null,
    rejectReason: decision.kind === 'accept' ? null : decision.reason,
    leadId,
    campaignId: facts?.campaign?.id ?? null,
    campaignVersionId: facts?.campaign?.versionId ?? null,
    tenantId: facts?.tenant.id ?? null,
    phoneNumberId: facts?.number.id ?? null,
    callerIdentity: incoming.callerIdentity,
    trunkId: incoming.trunkId,
    routing: { source: incoming.source, reasons: decision.reasons },
    createdAt: now(),
  });
  return { call, decision };
};

const announce = (
  ctx: Pick<Context, 'log' | 'feed'>,
  { call, decision }: Readonly<{ call: Call; decision: Decision }>,
): CallOutcome => {
  const { id: callId, roomName, status } = call;
  // LiveKit's room names contain the caller's number.
  ctx.log.info({ callId, pii: { roomName }, decision: decision.kind, reasons: decision.reasons }, 'call received');
  ctx.feed.publish({ kind: 'status', callId, roomName, status, endReason: null });
  return decision.kind === 'accept'
    ? { kind: 'accept', call, agentName: decision.agentName }
    : { kind: 'reject', call, reason: decision.reason satisfies RejectReason };
};

const leadOf = async (tx: DbClient, facts: RouteFacts | null, caller: string, now: Date): Promise<string | null> => {
  if (facts?.campaign == null) return null;
  const { tenant, campaign } = facts;
  const name = `${inboundNamePrefix}${isAnonymous(caller) ? '(anonymous)' : caller}`;
  return startLead(tx, { tenantId: tenant.id, campaignId: campaign.id, phoneNumber: caller, name }, now);
};
