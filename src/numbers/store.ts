/** Phone numbers, and the trunks that their calls come over, in the database. */
import type { DbClient } from '../database/open.ts';
import type { TenantScope } from '../tenants/scope.ts';
import type { NumberRecord, NumberFacts } from './import-decision.ts';
import type { TrunkRecord } from './trunk-record.ts';

const knownFields = {
  id: true,
  number: true,
  type: true,
  providerSid: true,
  tenantId: true,
  campaignId: true,
  isActive: true,
  purchasedAt: true,
  metadata: true,
} as const;

type Row = Omit<NumberRecord, 'metadata'> & Readonly<{ metadata: unknown }>;

const knownOf = (row: Row): NumberRecord => ({
  ...row,
  metadata: typeof row.metadata === 'object' && row.metadata !== null ? { ...row.metadata } : {},
});

/** Who has read an earlier version cannot write over this edit. */
const edited = { version: { increment: 1 } } as const;

/** The records with one of these numbers or sids, of whatever tenant. */
export const findNumberRecords = async (
  db: DbClient,
  { numbers, sids }: { numbers: readonly string[]; sids: readonly string[] },
): Promise<NumberRecord[]> =>
  (
    await db.phoneNumber.findMany({
      where: { OR: [{ number: { in: [...numbers] } }, { providerSid: { in: [...sids] } }] },
      select: knownFields,
    })
  ).map(knownOf);

/** A tenant's numbers, the oldest first. */
export const numbersOfTenant = async (db: DbClient, { tenantId }: TenantScope): Promise<NumberRecord[]> =>
  (await db.phoneNumber.findMany({ where: { tenantId }, orderBy: { createdAt: 'asc' }, select: knownFields })).map(
    knownOf,
  );

/** @returns the id of the new record */
export const createNumber = async (
  db: DbClient,
  { tenantId }: TenantScope,
  { number, facts }: { number: string; facts: NumberFacts },
): Promise<string> => {
  const data = { number, tenantId, ...facts, metadata: jsonOf(facts.metadata) };
  return (await db.phoneNumber.create({ data, select: { id: true } })).id;
};

/** Writes what an import found out about a number, if it still is the tenant's. */
export const updateNumberFacts = async (
  db: DbClient,
  { tenantId }: TenantScope,
  { id, facts }: { id: string; facts: NumberFacts },
): Promise<boolean> => {
  const data = { ...facts, metadata: jsonOf(facts.metadata), ...edited };
  return (await db.phoneNumber.updateMany({ where: { id, tenantId }, data })).count === 1;
};

export const deactivateNumber = async (db: DbClient, { tenantId }: TenantScope, id: string): Promise<void> => {
  await db.phoneNumber.updateMany({ where: { id, tenantId }, data: { isActive: false, ...edited } });
};

/** Notes which of Twilio's trunks a number's calls go to. */
export const saveNumberTrunk = async (
  db: DbClient,
  { tenantId }: TenantScope,
  { known, trunkSid }: { known: NumberRecord; trunkSid: string },
): Promise<void> => {
  const metadata = jsonOf({ ...known.metadata, trunkSid });
  await db.phoneNumber.updateMany({ where: { id: known.id, tenantId }, data: { metadata, ...edited } });
};

/** What is kept as JSON was JSON before: Prisma's type for it says so of plain objects only. */
const jsonOf = (value: Readonly<Record<string, unknown>>): object => ({ ...value });

/** All of the installation: there are few, and one trunk can be one tenant's only. */
export const allTrunkRecords = (db: DbClient): Promise<TrunkRecord[]> =>
  db.platformTrunk.findMany({
    orderBy: { createdAt: 'asc' },
    select: { twilioTrunkSid: true, name: true, tenantId: true, isActive: true },
  });

/** Records a trunk as the tenant's and active. Where it is another tenant's, nothing changes and the answer is false. */
export const saveTrunkRecord = async (
  db: DbClient,
  { tenantId }: TenantScope,
  { twilioTrunkSid, name }: Pick<TrunkRecord, 'twilioTrunkSid' | 'name'>,
): Promise<boolean> => {
  const { tenantId: owner } = await db.platformTrunk.upsert({
    where: { twilioTrunkSid },
    create: { twilioTrunkSid, name, tenantId },
    update: {},
    select: { tenantId: true },
  });
  if (owner !== tenantId) return false;
  await db.platformTrunk.updateMany({ where: { twilioTrunkSid, tenantId }, data: { name, isActive: true, ...edited } });
  return true;
};

export const deactivateTrunkRecord = async (
  db: DbClient,
  { tenantId }: TenantScope,
  twilioTrunkSid: string,
): Promise<void> => {
  await db.platformTrunk.updateMany({ where: { twilioTrunkSid, tenantId }, data: { isActive: false, ...edited } });
};

/** A number as LiveKit's trunk has to know it. */
export type TrunkNumber = Readonly<{ number: string; isActive: boolean; livekitTrunkId: string | null }>;

/** Every number of the installation, of whatever tenant: LiveKit has one trunk for all. */
export const allTrunkNumbers = (db: DbClient): Promise<TrunkNumber[]> =>
  db.phoneNumber.findMany({
    orderBy: { number: 'asc' },
    select: { number: true, isActive: true, livekitTrunkId: true },
  });

/** Notes that these numbers, and no others, are on one of LiveKit's trunks (ST_…). */
export const saveLivekitTrunk = async (
  db: DbClient,
  { livekitTrunkId, numbers }: { livekitTrunkId: string; numbers: readonly string[] },
): Promise<void> => {
  const onTrunk = { in: [...numbers] };
  await db.phoneNumber.updateMany({ where: { number: onTrunk }, data: { livekitTrunkId } });
  await db.phoneNumber.updateMany({
    where: { livekitTrunkId, NOT: { number: onTrunk } },
    data: { livekitTrunkId: null },
  });
};
