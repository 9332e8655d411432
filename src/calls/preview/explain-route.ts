/** Explains what would become of a call, and why, before anybody calls. Nothing is recorded. */
import { buildSampleJob } from './build-job.ts';
import { routeCall, type RouteContext } from '../receive-call.ts';
import { findSettings, findVersionNumber } from '../../campaigns/store.ts';
import { findLeadOf, inboundNamePrefix, type Lead } from '../../leads/store.ts';
import { callerOf, isAnonymous } from '../../numbers/number.ts';
import type { TenantScope } from '../../tenants/scope.ts';
import type { Decision, RejectReason, RouteFacts } from '../../routing/route.ts';

type RouteQuestion = Readonly<{ to: string; from: string; trunkId: string | null; at: Date }>;

type Named = Readonly<{ id: string; name: string }>;

export type Explanation = Readonly<{
  decision: Decision['kind'];
  rejectReason: RejectReason | null;
  reasons: readonly string[];
  number: null | Readonly<{ id: string; number: string }>;
  tenant: Named | null;
  campaign: Named | null;
  campaignVersion: null | Readonly<{ id: string; number: number }>;
  agentName: string | null;
  lead: Named | null;
  /** What the agent would be told, and would say first; null if the call is refused. */
  prompt: string | null;
  greeting: string | null;
}>;

/**
 * @param scope whose numbers count; null: all tenants', for the installation's admin
 */
export const explainRoute = async (
  ctx: RouteContext,
  scope: TenantScope | null,
  question: RouteQuestion,
): Promise<Explanation> => {
  const { to, from, trunkId, at } = question;
  const routed = await routeCall({ ...ctx, now: () => at }, { to, trunkId, within: scope });
  const { dialed, facts, decision } = routed;
  const caller = callerOf(from, 'explained', ctx.config.defaultCountry);
  const lead = facts?.campaign == null ? null : await findLeadOf(ctx.db, facts.campaign.id, caller);
  const version = await versionOf(ctx, facts);
  const heard = decision.kind === 'accept' && facts !== null ? await hear(ctx, { caller, facts, lead, at }) : null;
  return {
    decision: decision.kind,
    rejectReason: decision.kind === 'reject' ? decision.reason : null,
    reasons: [
      dialed === null ? `${to} is not a possible number` : `${to} is the number ${dialed}`,
      isAnonymous(caller) ? 'the caller is withheld' : `the caller is kept as ${caller}`,
      ...decision.reasons,
      ...(facts?.campaign == null ? [] : [leadReason(lead), versionReason(version)]),
      ...(heard?.problems ?? []),
    ],
    number: facts === null ? null : { id: facts.number.id, number: facts.number.number },
    tenant: facts === null ? null : { id: facts.tenant.id, name: facts.tenant.name },
    campaign: facts?.campaign == null ? null : { id: facts.campaign.id, name: facts.campaign.name },
    campaignVersion: version,
    agentName: decision.kind === 'accept' ? decision.agentName : null,
    lead: lead === null ? null : { id: lead.id, name: lead.name },
    prompt: heard?.prompt ?? null,
    greeting: heard?.greeting ?? null,
  };
};

const leadReason = (lead: Lead | null): string =>
  lead === null ? 'the caller is new to the campaign' : `the caller is the lead ${lead.id}`;

const versionReason = (version: Explanation['campaignVersion']): string =>
  version === null
    ? 'the campaign has no published version: its settings as they are now'
    : `version ${version.number} of the campaign`;

const versionOf = async (
  { db }: Pick<RouteContext, 'db'>,
  facts: RouteFacts | null,
): Promise<Explanation['campaignVersion']> => {
  const id = facts?.campaign?.versionId ?? null;
  const number = id === null ? null : await findVersionNumber(db, id);
  return id === null || number === null ? null : { id, number };
};

type Imagined = Readonly<{ caller: string; facts: RouteFacts; lead: Lead | null; at: Date }>;

/** What the agent would be told, and which texts of the campaign had to be replaced. */
const hear = async ({ db, config }: RouteContext, { caller, facts, lead, at }: Imagined) => {
  const { campaign, number, tenant } = facts;
  const { job, problems } = buildSampleJob({
    caller,
    dialedNumber: number.number,
    agentName: config.agentName,
    settings: campaign === null ? null : await findSettings(db, campaign.id, campaign.versionId),
    leadName: lead === null || lead.name.startsWith(inboundNamePrefix) ? null : lead.name,
    tenantName: tenant.name,
    now: at,
  });
  const replaced = problems.map((problem) => `the default text is spoken instead: ${problem}`);
  return { prompt: job.instructions, greeting: job.greeting, problems: replaced };
};
