/** What the doctor reads beside what calls read: what a person has to name who mends a record by the API. */
import type { DbClient } from '../database/open.ts';

/** The versions that edits have to name, and the campaigns that could take a number's calls. */
export type Editable = Readonly<{
  version: number;
  tenantVersion: number;
  campaignVersion: number | null;
  /** The tenant's active campaigns, the oldest first. */
  campaigns: readonly Readonly<{ id: string; name: string }>[];
}>;

/** Of a number that there is. */
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
