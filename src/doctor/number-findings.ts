/** What our records say of a number: whether a call to it would be taken. */
import type { Config } from '../config.ts';
import { decide, type RejectReason } from '../routing/route.ts';
import { ok, skipped, wrong, type Finding } from './check.ts';
import type { NumberSeen, Seen } from './probe-results.ts';

type Known = NonNullable<NumberSeen['record']>;

/** The number's own link. */
export const numberFinding = (config: Config, seen: Seen, number: string): Finding => {
  if (seen.database.kind !== 'seen') return skipped('The database has to be right first.');
  const found = seen.database.value.numbers.find((one) => one.number === number);
  if (found?.record == null) return missing(seen, number);
  const { facts } = found.record;
  const query = {
    trunkId: null,
    inboundTrunkId: null,
    fallbackAgent: config.agentName,
    limits: config.limits,
    busy: null,
  };
  const decision = decide(query, facts);
  if (decision.kind === 'reject') return refused(decision.reason, decision.reasons.at(-1) ?? '', found.record);
  if (facts.campaign === null) return withoutCampaign(seen, number, found.record);
  return ok(`${facts.tenant.name}, campaign ${facts.campaign.name}.`);
};

const ownedOf = (seen: Seen, number: string) =>
  seen.twilio.kind === 'seen' ? seen.twilio.value.owned.find((one) => one.number === number) : undefined;

const missing = (seen: Seen, number: string): Finding => {
  const isElsewhere = seen.twilio.kind === 'seen' && ownedOf(seen, number) === undefined;
  const step = 'npm run cli -- import:twilio';
  return isElsewhere
    ? wrong(
        'number_missing',
        `${number} is neither in the database nor in the account ${seen.twilio.value.accountSid} of Twilio.`,
        `buy the number in the Twilio console, or put its account into TWILIO_ACCOUNT_SID; then ${step}`,
      )
    : wrong('number_missing', `${number} is not in the database.`, step);
};

/** An edit by the API, as it is to be sent. */
const patch = (path: string, body: Readonly<Record<string, unknown>>): string =>
  `PATCH /api/v1/${path} ${JSON.stringify(body)}`;

const refused = (reason: RejectReason, why: string, { facts, editable }: Known): Finding => {
  const { number, tenant, campaign } = facts;
  switch (reason) {
    case 'number_inactive':
      return wrong(
        'number_inactive',
        'The number is inactive.',
        patch(`phone-numbers/${number.id}`, { version: editable.version, is_active: true }),
      );
    case 'tenant_inactive':
      return wrong(
        'tenant_inactive',
        `Its tenant ${tenant.name} is inactive.`,
        patch(`tenants/${tenant.id}`, { version: editable.tenantVersion, is_active: true }),
      );
    case 'campaign_inactive':
      return wrong(
        'campaign_inactive',
        `Its campaign ${campaign?.name ?? ''} is ${campaign?.status ?? 'not active'}.`,
        activating(campaign, editable),
      );
    case 'campaign_full':
      return wrong(
        'campaign_full',
        `Its campaign ${campaign?.name ?? ''} takes no call now: ${why}.`,
        'let more calls in at once (max_concurrent of the campaign), or wait until one ends',
      );
    default:
      return wrong('look_failed', `A call is refused: ${why}.`, null);
  }
};

const activating = (campaign: Known['facts']['campaign'], { campaignVersion }: Known['editable']): string => {
  const path = `campaigns/${campaign?.id ?? ''}`;
  if (campaign?.status === 'draft') return `POST /api/v1/${path}/publish`;
  const paused = patch(path, { version: campaignVersion, status: 'paused' });
  return campaign?.status === 'archived'
    ? `${paused}, then the same with "active"`
    : patch(path, { version: campaignVersion, status: 'active' });
};

const withoutCampaign = (seen: Seen, number: string, { facts, editable }: Known): Finding => {
  const agent = facts.defaultAgent === null ? 'the standard agent' : `the tenant's default agent ${facts.defaultAgent}`;
  const message = `The number has no campaign: ${agent} answers, with a prompt that knows nothing of the company.`;
  const [campaign] = editable.campaigns;
  const isOne = editable.campaigns.length === 1;
  if (campaign === undefined)
    return wrong('number_without_campaign', message, 'make a campaign and publish it: POST /api/v1/campaigns');
  const { hasSeveralTenants } = seen.database.kind === 'seen' ? seen.database.value : { hasSeveralTenants: false };
  const tenant = hasSeveralTenants ? ` --tenant ${facts.tenant.id}` : '';
  const command = `npm run cli -- import:twilio${tenant} --campaign ${isOne ? campaign.id : 'ID'}`;
  const edit = patch(`phone-numbers/${facts.number.id}`, {
    version: editable.version,
    campaign_id: isOne ? campaign.id : 'ID',
  });
  const names = editable.campaigns.map(({ id, name }) => `${name} (${id})`).join(', ');
  return wrong(
    'number_without_campaign',
    isOne ? message : `${message} It could be one of ${names}.`,
    ownedOf(seen, number) === undefined ? edit : command,
  );
};
