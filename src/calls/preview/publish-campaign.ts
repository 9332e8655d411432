/** Publishes a campaign: calls run with its settings from now on. */
import { buildSampleJob } from './build-job.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Edited, RecordVersion } from '../../database/edit-versioned.ts';
import type { TenantScope } from '../../tenants/scope.ts';
import { findTenantName } from '../../tenants/store.ts';
import { problemsOfSettings, type CampaignSettings } from '../../campaigns/campaign.ts';
import { findCampaign, publishSettings, type CampaignRecord } from '../../campaigns/scoped-store.ts';

/** What an imagined caller would hear. */
export type Sample = Readonly<{ prompt: string; greeting: string; sentences: Readonly<Record<string, string>> }>;

const sampleCaller = '+15551234567';

/** The texts of settings as a first-time caller would hear them; the default where one can't be rendered. */
const sampleOf = async (
  { db, now }: Pick<Context, 'db' | 'now'>,
  { tenantId }: TenantScope,
  settings: CampaignSettings,
): Promise<Sample> => {
  const tenantName = (await findTenantName(db, tenantId)) ?? '';
  const { job } = buildSampleJob({ caller: sampleCaller, settings, tenantName, now: now() });
  return { prompt: job.instructions, greeting: job.greeting, sentences: job.systemMessages };
};

const settingsOf = ({ name, draft }: CampaignRecord): CampaignSettings => ({ ...draft, name });

/** Shows what publishing would do, and what prevents it. Null: the tenant has no such campaign. */
export const previewCampaign = async (
  ctx: Pick<Context, 'db' | 'now'>,
  scope: TenantScope,
  id: string,
): Promise<null | Readonly<{ problems: readonly string[]; sample: Sample }>> => {
  const campaign = await findCampaign(ctx.db, scope, id);
  if (campaign === null) return null;
  const settings = settingsOf(campaign);
  return { problems: problemsOfSettings(settings), sample: await sampleOf(ctx, scope, settings) };
};

/**
 * Publishes a campaign's draft as its next version.
 * @param version the version of the campaign that was read; null: the current one
 * @throws AppError `prompt_invalid` with every problem of the draft, `conflict` if the campaign is archived
 */
export const publishCampaign = async (
  ctx: Pick<Context, 'db' | 'now'>,
  scope: TenantScope,
  { id, version, by }: RecordVersion & Readonly<{ by: string }>,
): Promise<Edited<Readonly<{ campaign: CampaignRecord; sample: Sample }>>> => {
  const read = await findCampaign(ctx.db, scope, id);
  if (read === null) return 'missing';
  if (version !== null && version !== read.version) return 'stale';
  if (read.status === 'archived') throw new AppError('conflict', 'The campaign is archived.');
  const settings = settingsOf(read);
  const problems = problemsOfSettings(settings);
  if (problems.length > 0) throw new AppError('prompt_invalid', problems.join(' '));
  const campaign = await publishSettings(ctx.db, scope, { id, version: read.version, settings }, by);
  if (campaign === 'missing' || campaign === 'stale') return campaign;
  return { campaign, sample: await sampleOf(ctx, scope, settings) };
};
