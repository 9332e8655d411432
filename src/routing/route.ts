/**
 * Who takes a call: a pure decision, with its reasons.
 *
 * Glossary
 *   dialled   the number that was called: it alone decides tenant and campaign
 *   trunk     the SIP trunk over which LiveKit got the call (ST_…)
 *   decision  accept, with the agent's name; or reject, with the reason that the record keeps
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

/** What the database knows of a dialled number. */
export type RouteFacts = Readonly<{
  number: Readonly<{ id: string; number: string; isActive: boolean; livekitTrunkId: string | null }>;
  /** `callersCalls`: how often this caller called it within the last minute, refused calls included. */
  tenant: Readonly<{ id: string; name: string; isActive: boolean; openCalls: number; callersCalls: number }>;
  campaign: null | Readonly<{
    id: string;
    name: string;
    status: string;
    /** The settings that are published; null: never by the API. */
    versionId: string | null;
    agentName: string | null;
    maxConcurrent: number;
    openCalls: number;
  }>;
  /** The tenant's own active default agent. */
  defaultAgent: string | null;
}>;

/** Against abuse; 0: no limit. */
export type CallLimits = Readonly<{ perCallerPerMinute: number; perTenant: number }>;

export type RouteQuery = Readonly<{
  /** The trunk of the call, where it was told. */
  trunkId: string | null;
  /** LIVEKIT_INBOUND_TRUNK_ID, where set. */
  inboundTrunkId: string | null;
  /** The agent where nobody names one. */
  fallbackAgent: string;
  limits: CallLimits;
  /** Why this service can take no further call; null: it can. */
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

/** Why a call is refused: the first check that fails, in the order of docs/contract.md, section 2; null if none does. */
const refusalOf = (query: RouteQuery, facts: RouteFacts | null): readonly [RejectReason, string] | null => {
  const { trunkId, inboundTrunkId } = query;
  const knownTrunk = trunkId === null || inboundTrunkId === null || trunkId === inboundTrunkId;
  if (!knownTrunk && trunkId !== facts?.number.livekitTrunkId)
    return ['wrong_trunk', `trunk ${trunkId} is neither the inbound trunk ${inboundTrunkId} nor the number's own`];
  if (facts === null) return ['number_unknown', 'the dialled number is not in the database'];
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
      `the caller called ${callersCalls} times within a minute, ${perCallerPerMinute} are allowed`,
    ];
  if (perTenant > 0 && openCalls >= perTenant)
    return ['tenant_full', `${openCalls} of at most ${perTenant} calls of the tenant are open`];
  if (campaign !== null && campaign.openCalls >= campaign.maxConcurrent)
    return ['campaign_full', `${campaign.openCalls} of at most ${campaign.maxConcurrent} calls are open`];
  if (query.busy !== null) return ['busy', `the service is at its capacity: ${query.busy}`];
  return null;
};

/** Decides about a call to a number of which `facts` are known (null: none). */
export const decide = (query: RouteQuery, facts: RouteFacts | null): Decision => {
  const found =
    facts === null
      ? []
      : [
          `number ${facts.number.id} of tenant ${facts.tenant.name}`,
          facts.campaign === null ? 'the number has no campaign' : `campaign ${facts.campaign.name}`,
        ];
  const no = refusalOf(query, facts);
  if (no !== null) return { kind: 'reject', reason: no[0], reasons: [...found, no[1]] };
  if (facts === null) throw new Error('a call to an unknown number was not refused');
  const [agentName, why] = agentOf(facts, query.fallbackAgent);
  return { kind: 'accept', agentName, reasons: [...found, why] };
};
