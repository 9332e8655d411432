/**
 * A call, as recorded.
 *
 * Glossary
 *   call       one attempt of a caller to reach one of our numbers; one CallLog
 *   callSid    its external id: the `call_id` of sip-inbound, else `sip.callID`
 *   room       its LiveKit room; `openRoom` names it while the call is open
 *   open       ringing or in progress; everything else is final
 *   attempt    counts the agents that the call has had: a second one comes when the first has died
 *   source     who reported the call first: the sip-inbound webhook, a SIP participant's arrival, or our agent's job
 */
import type { RejectReason } from '../routing/route.ts';
import type { CallFacts } from './lifecycle.ts';

/** What LiveKit or a client of sip-inbound reports of an incoming call. Numbers are as they came. */
export type IncomingCall = Readonly<{
  source: 'webhook' | 'participant' | 'job';
  callSid: string;
  roomName: string;
  from: string;
  to: string;
  trunkId: string | null;
  callerIdentity: string | null;
}>;

/** One CallLog, as far as running the call is concerned. */
export type Call = CallFacts &
  Readonly<{
    id: string;
    version: number;
    leadId: string | null;
    campaignId: string | null;
    /** The settings that it runs with: those published when it came in. */
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
    /** Null: no transfer was requested. */
    transferState: 'asked' | 'done' | 'failed' | null;
    transferAskedAt: Date | null;
  }>;

export type CallOutcome =
  | Readonly<{ kind: 'accept'; call: Call; agentName: string }>
  | Readonly<{ kind: 'reject'; call: Call; reason: RejectReason }>;

/** Whether the caller hears why they are refused, rather than an unanswered line. */
export const isHeard = (reason: string): boolean =>
  reason === 'campaign_full' || reason === 'tenant_full' || reason === 'busy';

/** Who reported a call, and why it was accepted or refused. Facts, never people's numbers or names. */
export type Routing = Readonly<{ source: IncomingCall['source']; reasons: readonly string[] }>;

type CallEvent = Readonly<{ seq: number; type: string; data: unknown; at: Date }>;

/** The events of a call. The first is its routing, which is stored in the call's own record. */
export const eventsOf = (
  { routing, rejectReason, createdAt }: Readonly<{ routing: unknown; rejectReason: string | null; createdAt: Date }>,
  later: readonly CallEvent[],
): CallEvent[] => {
  const isKnown = typeof routing === 'object' && routing !== null && 'source' in routing;
  const type = rejectReason === null ? 'routed' : 'rejected';
  return isKnown ? [{ seq: 0, type, data: routing, at: createdAt }, ...later] : [...later];
};

/** How long a requested transfer counts as under way: longer than any takes. */
export const transferTakesMs = 60_000;

/** Whether the caller is being transferred, or has been: no agent is to come. */
export const isBeingTransferred = (
  call: Pick<Call, 'transferredAt' | 'transferState' | 'transferAskedAt'>,
  now: Date,
): boolean =>
  call.transferredAt !== null ||
  (call.transferState === 'asked' &&
    call.transferAskedAt !== null &&
    now.getTime() - call.transferAskedAt.getTime() < transferTakesMs);
