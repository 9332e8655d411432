/** Phone numbers and trunks in the database. */
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

/** Makes concurrent edits of an earlier version fail. */
const edited = { version: { increment: 1 } } as const;

/** The records of any tenant with one of these numbers or SIDs. */
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

/** A tenant's numbers, oldest first. */
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

/** Updates a number with imported facts. @returns false if it no longer belongs to the tenant */
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

/** Records the Twilio trunk that a number is on. */
export const saveNumberTrunk = async (
  db: DbClient,
  { tenantId }: TenantScope,
  { known, trunkSid }: { known: NumberRecord; trunkSid: string },
): Promise<void> => {
  const metadata = jsonOf({ ...known.metadata, trunkSid });
  await db.phoneNumber.updateMany({ where: { id: known.id, tenantId }, data: { metadata, ...edited } });
};

/** Prisma's JSON type accepts plain objects only, not interfaces with unknown values. */
const jsonOf = (value: Readonly<Record<string, unknown>>): object => ({ ...value });

/** All trunk records of all tenants, since a trunk belongs to one tenant only. */
export const allTrunkRecords = (db: DbClient): Promise<TrunkRecord[]> =>
  db.platformTrunk.findMany({
    orderBy: { createdAt: 'asc' },
    select: { twilioTrunkSid: true, name: true, tenantId: true, isActive: true },
  });

/** Records a trunk as the tenant's, and active. @returns false, without changes, if it belongs to another tenant */
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

/** The fields of a number that matter for LiveKit's trunk. */
export type TrunkNumber = Readonly<{ number: string; isActive: boolean; livekitTrunkId: string | null }>;

/** All numbers of all tenants: they share one LiveKit trunk. */
export const allTrunkNumbers = (db: DbClient): Promise<TrunkNumber[]> =>
  db.phoneNumber.findMany({
    orderBy: { number: 'asc' },
    select: { number: true, isActive: true, livekitTrunkId: true },
  });

/** Records that exactly these numbers are on a LiveKit trunk (ST_…). */
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
