/** A tenant's leads in the database. */
import type { Db, DbClient } from '../db.ts';
import { transaction } from '../db.ts';
import { AppError } from '../errors.ts';
import { afterPosition, pageArgs, pageOf, whyNotEdited, type Edited, type Page, type PageQuery } from '../records.ts';
import type { TenantScope } from '../tenants/scope.ts';

export type LeadStatus = 'new' | 'calling' | 'completed' | 'failed';

export type LeadRecord = Readonly<{
  id: string;
  campaignId: string;
  phoneNumber: string;
  name: string;
  status: LeadStatus;
  attempts: number;
  lastCallAt: Date | null;
  metadata: unknown;
  archivedAt: Date | null;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}>;

export type LeadFilter = Readonly<{
  campaignId?: string;
  phoneNumber?: string;
  status?: LeadStatus;
  isArchived: boolean;
}>;

export const listLeads = async (
  db: DbClient,
  { tenantId }: TenantScope,
  { isArchived, ...filter }: LeadFilter,
  page: PageQuery,
): Promise<Page<LeadRecord>> => {
  const archivedAt = isArchived ? { not: null } : null;
  const where = { AND: [{ tenantId, archivedAt, ...filter }, afterPosition(page)] };
  return pageOf(await db.lead.findMany({ where, ...pageArgs(page) }), page);
};

export const findLeadRecord = (db: DbClient, { tenantId }: TenantScope, id: string): Promise<LeadRecord | null> =>
  db.lead.findFirst({ where: { id, tenantId } });

/** @throws AppError `not_found` where the tenant has no such campaign */
export const insertLead = (
  db: Db,
  { tenantId }: TenantScope,
  lead: Readonly<{ campaignId: string; phoneNumber: string; name: string; metadata: object }>,
): Promise<LeadRecord> =>
  transaction(db, async (tx) => {
    if ((await tx.campaign.count({ where: { id: lead.campaignId, tenantId } })) === 0)
      throw new AppError('not_found', 'There is no such campaign.');
    return tx.lead.create({ data: { ...lead, tenantId } });
  });

export type LeadChanges = Readonly<{
  name?: string;
  metadata?: object;
  archivedAt?: Date | null;
}>;

export const editLead = async (
  db: DbClient,
  scope: TenantScope,
  { id, version }: Readonly<{ id: string; version: number | null }>,
  changes: LeadChanges,
): Promise<Edited<LeadRecord>> => {
  const { count } = await db.lead.updateMany({
    where: { id, tenantId: scope.tenantId, ...(version !== null && { version }) },
    data: { ...changes, version: { increment: 1 } },
  });
  const found = await findLeadRecord(db, scope, id);
  return count === 0 || found === null ? whyNotEdited(found) : found;
};
