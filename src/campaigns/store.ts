/** Campaigns in the database, as calls see them. */
import type { DbClient } from '../database/open.ts';
import type { TenantScope } from '../tenants/scope.ts';
import { readDestinations, readSettings, type CampaignSettings } from './campaign.ts';

/** How a campaign's call is held: with the version that it came in under, else as the campaign says now. */
export const findSettings = async (
  db: DbClient,
  campaignId: string,
  versionId: string | null,
): Promise<CampaignSettings | null> => {
  const version =
    versionId === null
      ? null
      : await db.campaignVersion.findFirst({ where: { id: versionId, campaignId }, select: { settings: true } });
  const settings = version === null ? null : readSettings(version.settings);
  if (settings !== null) return settings;
  const row = await db.campaign.findUnique({ where: { id: campaignId } });
  return row === null ? null : ownSettings(row);
};

/** What the campaign's row says, where nothing was published by the API. */
const ownSettings = <Row extends { transferDestinations: unknown }>(row: Row) => ({
  ...row,
  transferDestinations: readDestinations(row.transferDestinations),
});

/** A campaign that takes calls, with what its texts may name. */
export type Speaking = Readonly<{ id: string; settings: CampaignSettings; tenantName: string; numbers: string[] }>;

/** All tenants' campaigns that take calls, ordered by id: `limit` of them, those after `afterId` (null: the first). */
export const listSpeaking = async (db: DbClient, afterId: string | null, limit: number): Promise<Speaking[]> => {
  const rows = await db.campaign.findMany({
    where: { status: 'active', tenant: { isActive: true }, ...(afterId !== null && { id: { gt: afterId } }) },
    orderBy: { id: 'asc' },
    take: limit,
    include: {
      tenant: { select: { name: true } },
      phoneNumbers: { where: { isActive: true }, select: { number: true } },
      publishedVersion: { select: { settings: true } },
    },
  });
  return rows.map((row) => ({
    id: row.id,
    settings: (row.publishedVersion === null ? null : readSettings(row.publishedVersion.settings)) ?? ownSettings(row),
    tenantName: row.tenant.name,
    numbers: row.phoneNumbers.map(({ number }) => number),
  }));
};

/** The tenant's campaigns with this id or name: an id has one at most, a name may have several. */
export const findCampaigns = (
  db: DbClient,
  { tenantId }: TenantScope,
  idOrName: string,
): Promise<{ id: string; name: string }[]> =>
  db.campaign.findMany({
    where: { tenantId, OR: [{ id: idOrName }, { name: idOrName }] },
    select: { id: true, name: true },
    orderBy: { createdAt: 'asc' },
  });

/** The campaigns with this id or name, of one tenant or (null) of all: for who has the machine. The oldest first, ten at most. */
export const findCampaignsAnywhere = (
  db: DbClient,
  idOrName: string,
  tenantId: string | null,
): Promise<{ id: string; name: string; tenant: { id: string; name: string } }[]> =>
  db.campaign.findMany({
    where: { OR: [{ id: idOrName }, { name: idOrName }], ...(tenantId !== null && { tenantId }) },
    select: { id: true, name: true, tenant: { select: { id: true, name: true } } },
    orderBy: { createdAt: 'asc' },
    take: 10,
  });

/** Which of its campaign's versions this is: 1, 2, 3 … */
export const findVersionNumber = async (db: DbClient, versionId: string): Promise<number | null> =>
  (await db.campaignVersion.findUnique({ where: { id: versionId }, select: { number: true } }))?.number ?? null;
