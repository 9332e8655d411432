/** Findings about our record of a number: whether a call to it would be accepted. */
import type { Config } from '../config.ts';
import { decide, type RejectReason } from '../routing/route.ts';
import { failed, ok, skipped, type Finding } from './check.ts';
import type { NumberState, ProbeResults } from './probe-results.ts';

type Known = NonNullable<NumberState['record']>;

export const numberFinding = (config: Config, probes: ProbeResults, number: string): Finding => {
  if (probes.database.kind !== 'ok') return skipped('The database is not usable.');
  const found = probes.database.value.numbers.find((one) => one.number === number);
  if (found?.record == null) return missing(probes, number);
  const { facts } = found.record;
  const query = {
    trunkId: null,
    inboundTrunkId: null,
    fallbackAgent: config.agentName,
    limits: config.limits,
    busy: null,
  };
  const decision = decide(query, facts);
  if (decision.kind === 'reject') return rejected(decision.reason, decision.reasons.at(-1) ?? '', found.record);
  if (facts.campaign === null) return withoutCampaign(probes, number, found.record);
  return ok(`Answered by campaign ${facts.campaign.name} of tenant ${facts.tenant.name}.`);
};

const ownedOf = (probes: ProbeResults, number: string) =>
  probes.twilio.kind === 'ok' ? probes.twilio.value.owned.find((one) => one.number === number) : undefined;

const missing = (probes: ProbeResults, number: string): Finding => {
  const isElsewhere = probes.twilio.kind === 'ok' && ownedOf(probes, number) === undefined;
  const command = 'npm run cli -- import:twilio';
  return isElsewhere
    ? failed(
        'number_missing',
        `${number} is neither in the database nor in the Twilio account ${probes.twilio.value.accountSid}.`,
        `Buy the number in the Twilio console, or set TWILIO_ACCOUNT_SID to the account that owns it;: ${command}`,
      )
    : failed('number_missing', `${number} is not in the database.`, command);
};

/** A request to the API, to be sent as is. */
const patch = (path: string, body: Readonly<Record<string, unknown>>): string =>
  `PATCH /api/v1/${path} ${JSON.stringify(body)}`;

const rejected = (reason: RejectReason, why: string, { facts, editable }: Known): Finding => {
  const { number, tenant, campaign } = facts;
  switch (reason) {
    case 'number_inactive':
      return failed(
        'number_inactive',
        'The number is inactive.',
        patch(`phone-numbers/${number.id}`, { version: editable.version, is_active: true }),
      );
    case 'tenant_inactive':
      return failed(
        'tenant_inactive',
        `Tenant ${tenant.name} is inactive.`,
        patch(`tenants/${tenant.id}`, { version: editable.tenantVersion, is_active: true }),
      );
    case 'campaign_inactive':
      return failed(
        'campaign_inactive',
        `Campaign ${campaign?.name ?? ''} is ${campaign?.status ?? 'not active'}.`,
        activating(campaign, editable),
      );
    case 'campaign_full':
      return failed(
        'campaign_full',
        `Campaign ${campaign?.name ?? ''} is full: ${why}.`,
        "Raise the campaign's max_concurrent, or wait until a call ends.",
      );
    default:
      return failed('probe_failed', `Calls are rejected: ${why}.`, null);
  }
};

const activating = (campaign: Known['facts']['campaign'], { campaignVersion }: Known['editable']): string => {
  const path = `campaigns/${campaign?.id ?? ''}`;
  if (campaign?.status === 'draft') return `POST /api/v1/${path}/publish`;
  const paused = patch(path, { version: campaignVersion, status: 'paused' });
  return campaign?.status === 'archived'
    ? `${paused}, then the same request with "active"`
    : patch(path, { version: campaignVersion, status: 'active' });
};

const withoutCampaign = (probes: ProbeResults, number: string, { facts, editable }: Known): Finding => {
  const agent = facts.defaultAgent === null ? 'the default agent' : `the tenant's default agent ${facts.defaultAgent}`;
  const message = `The number has no campaign: ${agent} answers with a generic prompt.`;
  const [campaign] = editable.campaigns;
  const isOne = editable.campaigns.length === 1;
  if (campaign === undefined)
    return failed('number_without_campaign', message, 'Create a campaign and publish it: POST /api/v1/campaigns');
  const { hasSeveralTenants } = probes.database.kind === 'ok' ? probes.database.value : { hasSeveralTenants: false };
  const tenant = hasSeveralTenants ? ` --tenant ${facts.tenant.id}` : '';
  const command = `npm run cli -- import:twilio${tenant} --campaign ${isOne ? campaign.id : 'ID'}`;
  const edit = patch(`phone-numbers/${facts.number.id}`, {
    version: editable.version,
    campaign_id: isOne ? campaign.id : 'ID',
  });
  const names = editable.campaigns.map(({ id, name }) => `${name} (${id})`).join(', ');
  return failed(
    'number_without_campaign',
    isOne ? message : `${message} Available: ${names}.`,
    ownedOf(probes, number) === undefined ? edit : command,
  );
};
