/** Campaigns in the database, as calls see them. */
import type { DbClient } from '../database/open.ts';
import type { TenantScope } from '../tenants/scope.ts';
import { readDestinations, readSettings, type CampaignSettings } from './campaign.ts';

/** The settings of a call: those of the version that was published when it came in, else the campaign's current ones. */
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

/** The settings of the campaign's row, if none were published over the API. */
const ownSettings = <Row extends { transferDestinations: unknown }>(row: Row) => ({
  ...row,
  transferDestinations: readDestinations(row.transferDestinations),
});

/** A campaign that takes calls, with the values of its texts' variables. */
export type Speaking = Readonly<{ id: string; settings: CampaignSettings; tenantName: string; numbers: string[] }>;

/** The campaigns of all tenants that take calls, by id: at most `limit`, after `afterId` (null: from the first). */
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

/** The tenant's campaigns with this id or name; names are not unique. */
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

/** The campaigns with this id or name, of one tenant or (null) of any: for commands. The ten oldest at most. */
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

/** The number of a version within its campaign: 1, 2, 3 … */
export const findVersionNumber = async (db: DbClient, versionId: string): Promise<number | null> =>
  (await db.campaignVersion.findUnique({ where: { id: versionId }, select: { number: true } }))?.number ?? null;
