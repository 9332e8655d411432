/** A tenant's leads in the database. */
import { sql, type Sql } from '@prisma/client-runtime-utils';
import type { Db, DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import { AppError } from '../errors.ts';
import { findPage, isText, recordsOf, type Listing } from '../database/keyset-list.ts';
import { editVersioned, type Edited, type RecordVersion } from '../database/edit-versioned.ts';
import type { Page, PageQuery } from '../database/paging.ts';
import type { TenantScope } from '../tenants/scope.ts';
import { leadStatuses, type LeadStatus } from './lead.ts';

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

type LeadFilter = Readonly<{
  campaignId?: string;
  phoneNumber?: string;
  status?: LeadStatus;
  isArchived: boolean;
}>;

const filtersOf = ({ campaignId, status }: LeadFilter): Sql[] => [
  ...(campaignId === undefined ? [] : [isText('campaignId', campaignId)]),
  ...(status === undefined ? [] : [isText('status', status)]),
];

/**
 * A caller is a lead of few campaigns, so filtering its leads is cheap. Leads that aren't archived have indexes of their own; for
 * archived ones a page reads a bounded number.
 */
const leadsInOrder = (tenantId: string, filter: LeadFilter): Listing => {
  const { campaignId, phoneNumber, status, isArchived } = filter;
  const isOfTenant = sql`"tenantId" = ${tenantId}`;
  const archived = isArchived ? sql`"archivedAt" IS NOT NULL` : sql`"archivedAt" IS NULL`;
  const filtered = (index: string, branch: Sql): Listing => ({
    ...{ table: 'Lead', index, branches: [sql`${branch} AND ${archived}`], filters: filtersOf(filter) },
  });
  if (phoneNumber !== undefined)
    return filtered('Lead_tenantId_phoneNumber_idx', sql`${isOfTenant} AND "phoneNumber" = ${phoneNumber}`);
  if (isArchived) return filtered('Lead_tenantId_createdAt_id_idx', isOfTenant);
  const isOfCampaign = sql`"campaignId" = (SELECT "id" FROM "Campaign" WHERE "id" = ${campaignId} AND "tenantId" = ${tenantId})`;
  const [index, condition] =
    campaignId === undefined
      ? ['Lead_tenantId_status_createdAt_id_idx', isOfTenant]
      : ['Lead_campaignId_status_createdAt_id_idx', isOfCampaign];
  const wantedStatuses = status === undefined ? leadStatuses : [status];
  return {
    ...{ table: 'Lead', index, filters: [] },
    branches: wantedStatuses.map((wanted) => sql`${condition} AND "status" = ${wanted} AND ${archived}`),
  };
};

/** A page of leads. With archived leads it may have fewer items than `limit`, or none, and still not be the last. */
export const listLeads = async (
  db: DbClient,
  { tenantId }: TenantScope,
  filter: LeadFilter,
  page: PageQuery,
): Promise<Page<LeadRecord>> => {
  const { ids, next } = await findPage(db, leadsInOrder(tenantId, filter), page);
  return { items: await db.lead.findMany(recordsOf(ids, tenantId)), next };
};

export const findLeadRecord = (db: DbClient, { tenantId }: TenantScope, id: string): Promise<LeadRecord | null> =>
  db.lead.findFirst({ where: { id, tenantId } });

/** @throws AppError `not_found` if the tenant has no such campaign */
export const insertLead = (
  db: Db,
  { tenantId }: TenantScope,
  lead: Readonly<{ campaignId: string; phoneNumber: string; name: string; metadata: object }>,
): Promise<LeadRecord> =>
  transaction(db, async (tx) => {
    if ((await tx.campaign.count({ where: { id: lead.campaignId, tenantId } })) === 0)
      throw new AppError('not_found', 'No such campaign.');
    return tx.lead.create({ data: { ...lead, tenantId } });
  });

type LeadChanges = Readonly<{
  name?: string;
  metadata?: object;
  archivedAt?: Date | null;
}>;

export const editLead = (
  db: DbClient,
  scope: TenantScope,
  read: RecordVersion,
  changes: LeadChanges,
): Promise<Edited<LeadRecord>> =>
  editVersioned(read, {
    find: (id) => findLeadRecord(db, scope, id),
    update: (where) =>
      db.lead.updateMany({
        where: { ...where, tenantId: scope.tenantId },
        data: { ...changes, version: { increment: 1 } },
      }),
  });

/** Deletes the leads of a caller, to which no call may refer any more. Returns their number. */
export const deleteLeadsOf = async (db: DbClient, { tenantId }: TenantScope, phoneNumber: string): Promise<number> =>
  (await db.lead.deleteMany({ where: { tenantId, phoneNumber } })).count;
