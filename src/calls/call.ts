/**
 * A call, as recorded.
 *
 * Glossary
 *   call       one try of a caller to reach a number of ours; one CallLog
 *   callSid    its id outside: the asker's `call_id`, else `sip.callID`
 *   room       the LiveKit room in which it is held; `openRoom` names it while the call is open
 *   open       ringing or in progress; everything else is final
 *   attempt    one agent put on the call; a second one after the first died
 *   source     who reported the call first: the sip-inbound webhook, a SIP participant's arrival, or our agent's job
 */
import type { RejectReason } from '../routing/route.ts';
import type { CallFacts } from './lifecycle.ts';

/** What LiveKit or an asker tells of a call that comes in. Numbers are as they came. */
export type IncomingCall = Readonly<{
  source: 'webhook' | 'participant' | 'job';
  callSid: string;
  roomName: string;
  from: string;
  to: string;
  trunkId: string | null;
  callerIdentity: string | null;
}>;

/** One CallLog, as far as the way of a call is concerned. */
export type Call = CallFacts &
  Readonly<{
    id: string;
    version: number;
    leadId: string | null;
    campaignId: string | null;
    /** The settings that it runs with: those that were published when it came in. */
    campaignVersionId: string | null;
    tenantId: string | null;
    phoneNumberId: string | null;
    phoneNumber: string;
    dialedNumber: string;
    callSid: string;
    roomName: string;
    openRoom: string | null;
    agentName: string | null;
    rejectReason: string | null;
    ownerId: string | null;
    leaseUntil: Date | null;
    attempt: number;
    jobId: string | null;
    dispatchedAt: Date | null;
    callerIdentity: string | null;
    agentIdentity: string | null;
    transferTo: string | null;
    /** Null: nobody asked for a transfer. */
    transferState: 'asked' | 'done' | 'failed' | null;
    transferAskedAt: Date | null;
  }>;

export type CallOutcome =
  | Readonly<{ kind: 'accept'; call: Call; agentName: string }>
  | Readonly<{ kind: 'reject'; call: Call; reason: RejectReason }>;

/** Whether a refusal is one that the caller hears as a sentence, rather than an unanswered line. */
export const isHeard = (reason: string): boolean =>
  reason === 'campaign_full' || reason === 'tenant_full' || reason === 'busy';

/** By which way we heard of a call, and why it was taken or refused. Facts, never numbers or names of people. */
export type Routing = Readonly<{ source: IncomingCall['source']; reasons: readonly string[] }>;

export type CallEvent = Readonly<{ seq: number; type: string; data: unknown; at: Date }>;

/** What happened on a call, its routing first, which is part of its record (written in the same statement). */
export const eventsOf = (
  { routing, rejectReason, createdAt }: Readonly<{ routing: unknown; rejectReason: string | null; createdAt: Date }>,
  later: readonly CallEvent[],
): CallEvent[] => {
  const isKnown = typeof routing === 'object' && routing !== null && 'source' in routing;
  const type = rejectReason === null ? 'routed' : 'rejected';
  return isKnown ? [{ seq: 0, type, data: routing, at: createdAt }, ...later] : [...later];
};

/** For so long an asked transfer counts as under way: longer than one takes. */
export const transferTakesMs = 60_000;

/** Whether somebody is just connecting the caller, or has done so: no agent is to come. */
export const isBeingTransferred = (
  call: Pick<Call, 'transferredAt' | 'transferState' | 'transferAskedAt'>,
  now: Date,
): boolean =>
  call.transferredAt !== null ||
  (call.transferState === 'asked' &&
    call.transferAskedAt !== null &&
    now.getTime() - call.transferAskedAt.getTime() < transferTakesMs);
