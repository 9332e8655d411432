/** A tenant's phone numbers and trunks in the database. */
import type { Db, DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import { AppError } from '../errors.ts';
import { editVersioned, type Edited, type RecordVersion } from '../database/edit-versioned.ts';
import { pageArgs, pageOf, type Page, type PageQuery } from '../database/paging.ts';
import type { TenantScope } from '../tenants/scope.ts';

export type PhoneNumber = Readonly<{
  id: string;
  number: string;
  type: 'LOCAL' | 'TOLL_FREE' | 'MOBILE';
  provider: 'TWILIO';
  providerSid: string | null;
  campaignId: string | null;
  livekitTrunkId: string | null;
  isActive: boolean;
  purchasedAt: Date | null;
  metadata: unknown;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}>;

type NumberFilter = Readonly<{
  number?: string;
  campaignId?: string;
  isActive?: boolean;
}>;

export const listNumbers = async (
  db: DbClient,
  { tenantId }: TenantScope,
  filter: NumberFilter,
  page: PageQuery,
): Promise<Page<PhoneNumber>> => {
  const where = { tenantId, ...filter };
  return pageOf(await db.phoneNumber.findMany(pageArgs(where, page)), page);
};

export const findNumber = (db: DbClient, { tenantId }: TenantScope, id: string): Promise<PhoneNumber | null> =>
  db.phoneNumber.findFirst({ where: { id, tenantId } });

/** @throws AppError `not_found` if the tenant has no such campaign, `conflict` if it is archived */
const requireCampaign = async (
  tx: DbClient,
  { tenantId }: TenantScope,
  campaignId: string | null | undefined,
): Promise<void> => {
  if (campaignId === null || campaignId === undefined) return;
  const found = await tx.campaign.findFirst({ where: { id: campaignId, tenantId }, select: { status: true } });
  if (found === null) throw new AppError('not_found', 'No such campaign.');
  if (found.status === 'archived') throw new AppError('conflict', 'The campaign is archived.');
};

type NewNumber = Readonly<{
  number: string;
  type: PhoneNumber['type'];
  providerSid: string | null;
  campaignId: string | null;
  livekitTrunkId: string | null;
}>;

/** @throws AppError `not_found` or `conflict` for the campaign */
export const insertNumber = (db: Db, scope: TenantScope, number: NewNumber): Promise<PhoneNumber> =>
  transaction(db, async (tx) => {
    await requireCampaign(tx, scope, number.campaignId);
    return tx.phoneNumber.create({ data: { ...number, tenantId: scope.tenantId } });
  });

type NumberChanges = Readonly<{
  campaignId?: string | null;
  livekitTrunkId?: string | null;
  isActive?: boolean;
}>;

/** @throws AppError `not_found` or `conflict` for the campaign */
export const editNumber = (
  db: Db,
  scope: TenantScope,
  read: RecordVersion,
  changes: NumberChanges,
): Promise<Edited<PhoneNumber>> =>
  transaction(db, async (tx) => {
    await requireCampaign(tx, scope, changes.campaignId);
    return editVersioned(read, {
      find: (id) => findNumber(tx, scope, id),
      update: (where) =>
        tx.phoneNumber.updateMany({
          where: { ...where, tenantId: scope.tenantId },
          data: { ...changes, version: { increment: 1 } },
        }),
    });
  });

export type PlatformTrunk = Readonly<{
  id: string;
  twilioTrunkSid: string;
  name: string;
  isActive: boolean;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}>;

export const listTrunks = async (
  db: DbClient,
  { tenantId }: TenantScope,
  filter: Readonly<{ isActive?: boolean }>,
  page: PageQuery,
): Promise<Page<PlatformTrunk>> => {
  const where = { tenantId, ...filter };
  return pageOf(await db.platformTrunk.findMany(pageArgs(where, page)), page);
};

export const findTrunk = (db: DbClient, { tenantId }: TenantScope, id: string): Promise<PlatformTrunk | null> =>
  db.platformTrunk.findFirst({ where: { id, tenantId } });

export const insertTrunk = (
  db: DbClient,
  { tenantId }: TenantScope,
  trunk: Readonly<{ twilioTrunkSid: string; name: string }>,
): Promise<PlatformTrunk> => db.platformTrunk.create({ data: { ...trunk, tenantId } });

export const editTrunk = (
  db: DbClient,
  scope: TenantScope,
  read: RecordVersion,
  changes: Readonly<{ name?: string; isActive?: boolean }>,
): Promise<Edited<PlatformTrunk>> =>
  editVersioned(read, {
    find: (id) => findTrunk(db, scope, id),
    update: (where) =>
      db.platformTrunk.updateMany({
        where: { ...where, tenantId: scope.tenantId },
        data: { ...changes, version: { increment: 1 } },
      }),
  });
