/** Campaigns in the database. */
import type { DbClient } from '../db.ts';
import type { CampaignSettings } from './campaign.ts';

/** How a campaign's calls are held. */
export const findSettings = (db: DbClient, campaignId: string): Promise<CampaignSettings | null> =>
  db.campaign.findUnique({ where: { id: campaignId } });
