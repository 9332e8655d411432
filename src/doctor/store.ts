/** Reads what a fix by the API must specify: record versions and campaigns. */
import type { DbClient } from '../database/open.ts';

/** The versions that edits must specify, and the campaigns that the number could be assigned to. */
export type Editable = Readonly<{
  version: number;
  tenantVersion: number;
  campaignVersion: number | null;
  /** The tenant's active campaigns, oldest first. */
  campaigns: readonly Readonly<{ id: string; name: string }>[];
}>;

/** @throws when there is no such number */
export const findEditable = async (db: DbClient, numberId: string): Promise<Editable> => {
  const campaigns = { where: { status: 'active' }, orderBy: { createdAt: 'asc' } } as const;
  const row = await db.phoneNumber.findUniqueOrThrow({
    where: { id: numberId },
    select: {
      version: true,
      campaign: { select: { version: true } },
      tenant: { select: { version: true, campaigns: { ...campaigns, select: { id: true, name: true } } } },
    },
  });
  return {
    version: row.version,
    tenantVersion: row.tenant.version,
    campaignVersion: row.campaign?.version ?? null,
    campaigns: row.tenant.campaigns,
  };
};
