/**
 * Which agent takes a call: a pure decision, with its reasons.
 *
 * Glossary
 *   dialed number   the number that was called; it alone determines tenant and campaign
 *   trunk           the LiveKit SIP trunk that the call came in on (ST_…)
 *   decision        accept, with the agent's name; or reject, with a reason for the call's record
 */

export const rejectReasons = [
  'wrong_trunk',
  'number_unknown',
  'number_inactive',
  'tenant_inactive',
  'campaign_inactive',
  'caller_limit',
  'tenant_full',
  'campaign_full',
  'busy',
] as const;
export type RejectReason = (typeof rejectReasons)[number];

/** What the database knows about a dialed number. */
export type RouteFacts = Readonly<{
  number: Readonly<{ id: string; number: string; isActive: boolean; livekitTrunkId: string | null }>;
  /** `callersCalls`: this caller's calls to the tenant within the last minute, including rejected ones. */
  tenant: Readonly<{ id: string; name: string; isActive: boolean; openCalls: number; callersCalls: number }>;
  campaign: null | Readonly<{
    id: string;
    name: string;
    status: string;
    /** The published version; null: none was published over the API. */
    versionId: string | null;
    agentName: string | null;
    maxConcurrent: number;
    openCalls: number;
  }>;
  /** The tenant's own active default agent. */
  defaultAgent: string | null;
}>;

/** Limits against abuse; 0: no limit. */
export type CallLimits = Readonly<{ perCallerPerMinute: number; perTenant: number }>;

export type RouteQuery = Readonly<{
  /** The trunk of the call, if known. */
  trunkId: string | null;
  /** LIVEKIT_INBOUND_TRUNK_ID, if set. */
  inboundTrunkId: string | null;
  /** The agent if neither campaign nor tenant names one. */
  fallbackAgent: string;
  limits: CallLimits;
  /** Why this service can't take another call; null: it can. */
  busy: string | null;
}>;

export type Decision =
  | Readonly<{ kind: 'accept'; agentName: string; reasons: readonly string[] }>
  | Readonly<{ kind: 'reject'; reason: RejectReason; reasons: readonly string[] }>;

const agentOf = (facts: RouteFacts, fallbackAgent: string): readonly [name: string, why: string] => {
  const named = facts.campaign?.agentName ?? null;
  if (named !== null && named !== '') return [named, `the campaign names its agent: ${named}`];
  if (facts.defaultAgent !== null) return [facts.defaultAgent, `the tenant's default agent: ${facts.defaultAgent}`];
  return [fallbackAgent, `neither campaign nor tenant names an agent: ${fallbackAgent}`];
};

/** Why a call is rejected: the first check that fails, in the order of docs/contract.md, section 2; null if none does. */
const rejectionOf = (query: RouteQuery, facts: RouteFacts | null): readonly [RejectReason, string] | null => {
  const { trunkId, inboundTrunkId } = query;
  const knownTrunk = trunkId === null || inboundTrunkId === null || trunkId === inboundTrunkId;
  if (!knownTrunk && trunkId !== facts?.number.livekitTrunkId)
    return ['wrong_trunk', `trunk ${trunkId} is neither the inbound trunk ${inboundTrunkId} nor the number's own`];
  if (facts === null) return ['number_unknown', 'the dialed number is not in the database'];
  if (!facts.number.isActive) return ['number_inactive', 'the number is inactive'];
  if (!facts.tenant.isActive) return ['tenant_inactive', 'the tenant is inactive'];
  const { campaign } = facts;
  if (campaign !== null && campaign.status !== 'active')
    return ['campaign_inactive', `the campaign is ${campaign.status}`];
  const { perCallerPerMinute, perTenant } = query.limits;
  const { callersCalls, openCalls } = facts.tenant;
  if (perCallerPerMinute > 0 && callersCalls >= perCallerPerMinute)
    return [
      'caller_limit',
      `the caller called ${callersCalls} times within a minute; the limit is ${perCallerPerMinute}`,
    ];
  if (perTenant > 0 && openCalls >= perTenant)
    return ['tenant_full', `the tenant has ${openCalls} open calls; the limit is ${perTenant}`];
  if (campaign !== null && campaign.openCalls >= campaign.maxConcurrent)
    return [
      'campaign_full',
      `the campaign has ${campaign.openCalls} open calls; the limit is ${campaign.maxConcurrent}`,
    ];
  if (query.busy !== null) return ['busy', `the service is at capacity: ${query.busy}`];
  return null;
};

/** Decides about a call. `facts` null: the dialed number is unknown. */
export const decide = (query: RouteQuery, facts: RouteFacts | null): Decision => {
  const found =
    facts === null
      ? []
      : [
          `number ${facts.number.id} of tenant ${facts.tenant.name}`,
          facts.campaign === null ? 'the number has no campaign' : `campaign ${facts.campaign.name}`,
        ];
  const rejection = rejectionOf(query, facts);
  if (rejection !== null) return { kind: 'reject', reason: rejection[0], reasons: [...found, rejection[1]] };
  if (facts === null) throw new Error('a call to an unknown number was not rejected');
  const [agentName, why] = agentOf(facts, query.fallbackAgent);
  return { kind: 'accept', agentName, reasons: [...found, why] };
};
