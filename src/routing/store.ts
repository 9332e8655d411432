/** What the database knows about a dialed number, in one statement: every call waits for it. */
import type { DbClient } from '../database/open.ts';
import type { RouteFacts } from './route.ts';

/** A ringing call whose caller never joined a room counts as open for this long. */
const roomlessCountsMs = 60_000;
const minuteMs = 60_000;

/** As the driver returns it: SQLite has no booleans, and counts may be bigint. */
type Flag = boolean | number | bigint;
type Row = Readonly<{
  numberId: string;
  number: string;
  numberActive: Flag;
  livekitTrunkId: string | null;
  tenantId: string;
  tenantName: string;
  tenantActive: Flag;
  tenantOpenCalls: number | bigint;
  callersCalls: number | bigint;
  campaignId: string | null;
  campaignName: string | null;
  campaignStatus: string | null;
  versionId: string | null;
  agentName: string | null;
  maxConcurrent: number | bigint | null;
  openCalls: number | bigint;
  defaultAgent: string | null;
}>;

/**
 * The facts that `decide` needs, as of `now`. Null: the number is unknown.
 * @param caller their number as normalized by `callerOf`; null: no particular caller
 */
export const loadRouteFacts = async (
  db: DbClient,
  { number, caller, now }: Readonly<{ number: string; caller: string | null; now: Date }>,
): Promise<RouteFacts | null> => {
  const [row] = await db.$queryRaw<Row[]>`
    SELECT n."id" AS "numberId", n."number", n."isActive" AS "numberActive", n."livekitTrunkId",
      t."id" AS "tenantId", t."name" AS "tenantName", t."isActive" AS "tenantActive",
      (SELECT COUNT(*) FROM "CallLog" l WHERE l."tenantId" = t."id" AND l."status" IN ('ringing', 'in_progress') AND
        (l."status" = 'in_progress' OR l."createdAt" > ${new Date(now.getTime() - roomlessCountsMs)})) AS "tenantOpenCalls",
      (SELECT COUNT(*) FROM "CallLog" l WHERE l."tenantId" = t."id" AND l."phoneNumber" = ${caller ?? ''} AND
        l."createdAt" > ${new Date(now.getTime() - minuteMs)}) AS "callersCalls",
      c."id" AS "campaignId", c."name" AS "campaignName", CAST(c."status" AS TEXT) AS "campaignStatus",
      c."publishedVersionId" AS "versionId", c."agentName", c."maxConcurrent",
      (SELECT COUNT(*) FROM "CallLog" l WHERE l."campaignId" = c."id" AND l."status" IN ('ringing', 'in_progress') AND (l."status" = 'in_progress' OR (
        l."status" = 'ringing' AND (l."callerIdentity" IS NOT NULL OR
          l."createdAt" > ${new Date(now.getTime() - roomlessCountsMs)})))) AS "openCalls",
      (SELECT a."name" FROM "Agent" a WHERE a."tenantId" = t."id" AND a."isActive" AND a."isDefault" LIMIT 1)
        AS "defaultAgent"
    FROM "PhoneNumber" n JOIN "Tenant" t ON t."id" = n."tenantId" LEFT JOIN "Campaign" c ON c."id" = n."campaignId"
    WHERE n."number" = ${number}`;
  return row === undefined ? null : factsOf(row);
};

const factsOf = (row: Row): RouteFacts => ({
  number: {
    id: row.numberId,
    number: row.number,
    isActive: Boolean(row.numberActive),
    livekitTrunkId: row.livekitTrunkId,
  },
  tenant: {
    id: row.tenantId,
    name: row.tenantName,
    isActive: Boolean(row.tenantActive),
    openCalls: Number(row.tenantOpenCalls),
    callersCalls: Number(row.callersCalls),
  },
  campaign:
    row.campaignId === null
      ? null
      : {
          id: row.campaignId,
          name: row.campaignName ?? '',
          status: row.campaignStatus ?? '',
          versionId: row.versionId,
          agentName: row.agentName,
          maxConcurrent: Number(row.maxConcurrent),
          openCalls: Number(row.openCalls),
        },
  defaultAgent: row.defaultAgent,
});

/**
 * Serializes counting and inserting the calls of a number's campaign, so that two callers can't both take its last free place.
 * SQLite has only one writer anyway.
 */
export const lockCampaignOf = async (tx: DbClient, number: string): Promise<void> => {
  if (tx.kind === 'sqlite') return;
  await tx.$queryRaw`
    SELECT "id" FROM "Campaign" WHERE "id" = (SELECT "campaignId" FROM "PhoneNumber" WHERE "number" = ${number}) FOR UPDATE`;
};
