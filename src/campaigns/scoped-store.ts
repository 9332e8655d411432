/** A tenant's campaigns in the database, for editing. The settings in the row's own columns are the published ones. */
import type { Db, DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import { AppError } from '../errors.ts';
import { editVersioned, type Edited, type RecordVersion } from '../database/edit-versioned.ts';
import { pageArgs, pageOf, type Page, type PageQuery } from '../database/paging.ts';
import type { TenantScope } from '../tenants/scope.ts';
import {
  conversation,
  draftOf,
  readDestinations,
  readSettings,
  statusProblem,
  type CampaignSettings,
  type CampaignStatus,
  type Conversation,
} from './campaign.ts';

export type CampaignRecord = Readonly<{
  id: string;
  name: string;
  status: CampaignStatus;
  agentName: string | null;
  sipTrunkId: string | null;
  maxConcurrent: number;
  version: number;
  createdAt: Date;
  updatedAt: Date;
  /** The settings that calls run with. */
  published: Conversation;
  publishedVersion: null | Readonly<{ id: string; number: number; createdAt: Date }>;
  /** The settings being edited. */
  draft: Conversation;
}>;

/** As stored in the row. */
type Stored = Omit<Conversation, 'transferDestinations'> & Readonly<{ transferDestinations: unknown }>;

const included = { publishedVersion: { select: { id: true, number: true, createdAt: true } } } as const;

type Row = Stored & Omit<CampaignRecord, 'published' | 'draft'> & Readonly<{ draft: unknown }>;

const recordOf = (row: Row): CampaignRecord => {
  const { id, name, status, agentName, sipTrunkId, maxConcurrent, version, createdAt, updatedAt } = row;
  const published = conversationOf(row);
  const campaign = { id, name, status, agentName, sipTrunkId, maxConcurrent, version, createdAt, updatedAt };
  return { ...campaign, published, publishedVersion: row.publishedVersion, draft: draftOf(published, row.draft) };
};

const settingNames = conversation.keyof().options;

const conversationOf = (row: Stored): Conversation => {
  const entries = settingNames.map((name) => [name, row[name]]);
  const transferDestinations = readDestinations(row.transferDestinations);
  return { ...(Object.fromEntries(entries) as Conversation), transferDestinations };
};

/** The settings of a draft that differ from the published ones. */
const changesOf = (published: Conversation, draft: Conversation): object =>
  Object.fromEntries(
    settingNames
      .filter((name) => JSON.stringify(draft[name]) !== JSON.stringify(published[name]))
      .map((name) => [name, draft[name]]),
  );

export const listCampaigns = async (
  db: DbClient,
  { tenantId }: TenantScope,
  { status }: Readonly<{ status?: CampaignStatus }>,
  page: PageQuery,
): Promise<Page<CampaignRecord>> => {
  const where = { tenantId, status: status ?? { not: 'archived' as const } };
  const rows = await db.campaign.findMany({ ...pageArgs(where, page), include: included });
  return pageOf(rows.map(recordOf), page);
};

export const findCampaign = async (
  db: DbClient,
  { tenantId }: TenantScope,
  id: string,
): Promise<CampaignRecord | null> => {
  const row = await db.campaign.findFirst({ where: { id, tenantId }, include: included });
  return row === null ? null : recordOf(row);
};

type CampaignFields = Readonly<{
  name?: string;
  agentName?: string | null;
  sipTrunkId?: string | null;
  maxConcurrent?: number;
}>;
type DraftChanges = Partial<Conversation>;

/** Creates a campaign that takes no calls until it is published. */
export const insertCampaign = async (
  db: DbClient,
  { tenantId }: TenantScope,
  { draft = {}, ...fields }: CampaignFields & Readonly<{ name: string; draft?: DraftChanges }>,
): Promise<CampaignRecord> =>
  recordOf(await db.campaign.create({ data: { ...fields, draft: { ...draft }, tenantId }, include: included }));

type CampaignChanges = CampaignFields &
  Readonly<{
    status?: CampaignStatus;
    /** Null discards the draft. */
    draft?: DraftChanges | null;
  }>;

/** @throws AppError `conflict` if the status can't be changed like this */
export const editCampaign = (
  db: Db,
  scope: TenantScope,
  read: RecordVersion,
  { draft, ...changes }: CampaignChanges,
): Promise<Edited<CampaignRecord>> =>
  transaction(db, (tx) =>
    editVersioned(read, {
      find: (id) => findCampaign(tx, scope, id),
      update: (where, before) => {
        const problem = changes.status === undefined ? null : statusProblem(before.status, changes.status);
        if (problem !== null) throw new AppError('conflict', problem);
        const edited = draft === null ? before.published : { ...before.draft, ...draft };
        return tx.campaign.updateMany({
          where: { ...where, tenantId: scope.tenantId, version: before.version }, // the draft is merged into this one
          data: { ...changes, draft: changesOf(before.published, edited), version: { increment: 1 } },
        });
      },
    }),
  );

/** Publishes settings, unless the campaign has been changed since they were read. The first time, the campaign becomes active. */
export const publishSettings = (
  db: Db,
  scope: TenantScope,
  { settings, ...read }: Readonly<{ id: string; version: number; settings: CampaignSettings }>,
  publishedBy: string,
): Promise<Edited<CampaignRecord>> =>
  transaction(db, (tx) =>
    editVersioned(read, {
      find: (id) => findCampaign(tx, scope, id),
      update: async (where, before) => {
        // Locks the row first, so that the second of two concurrent publications is stale.
        const published = await tx.campaign.updateMany({
          where: { ...where, tenantId: scope.tenantId },
          data: {
            ...settings,
            draft: {},
            status: before.status === 'draft' ? 'active' : before.status,
            version: { increment: 1 },
          },
        });
        if (published.count > 0) await insertVersion(tx, before.id, settings, publishedBy);
        return published;
      },
    }),
  );

const insertVersion = async (
  tx: DbClient,
  campaignId: string,
  settings: CampaignSettings,
  publishedBy: string,
): Promise<void> => {
  const last = await tx.campaignVersion.aggregate({ where: { campaignId }, _max: { number: true } });
  const { id } = await tx.campaignVersion.create({
    data: { campaignId, number: (last._max.number ?? 0) + 1, settings: { ...settings }, publishedBy },
  });
  await tx.campaign.update({ where: { id: campaignId }, data: { publishedVersionId: id } });
};

export type CampaignVersion = Readonly<{
  id: string;
  number: number;
  publishedBy: string | null;
  createdAt: Date;
  settings: CampaignSettings | null;
}>;

/** The versions of a campaign. Null: the tenant has no such campaign. */
export const listVersions = async (
  db: DbClient,
  { tenantId }: TenantScope,
  campaignId: string,
  page: PageQuery,
): Promise<Page<CampaignVersion> | null> => {
  if ((await db.campaign.count({ where: { id: campaignId, tenantId } })) === 0) return null;
  const where = { campaignId, campaign: { tenantId } };
  const rows = await db.campaignVersion.findMany(pageArgs(where, page));
  return pageOf(
    rows.map((row) => ({ ...row, settings: readSettings(row.settings) })),
    page,
  );
};
