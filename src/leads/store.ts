/** Leads in the database, as calls create and update them. */
import { v7 as uuid } from 'uuid';
import type { DbClient } from '../database/open.ts';

/** The name of a new lead, before its number (docs/contract.md, section 2). */
export const inboundNamePrefix = 'Inbound Caller ';

export type Lead = Readonly<{ id: string; name: string; phoneNumber: string }>;

/** The lead of a caller whose number was normalized by `callerOf`. */
export const findLeadOf = (db: DbClient, campaignId: string, phoneNumber: string): Promise<Lead | null> =>
  db.lead.findUnique({ where: { campaignId_phoneNumber: { campaignId, phoneNumber } } });

export const findLead = (db: DbClient, id: string): Promise<Lead | null> => db.lead.findUnique({ where: { id } });

/**
 * Finds or creates the lead of a caller who calls at `now`, sets it to `calling`, counts the attempt and restores it if it was
 * archived. Raw SQL, because every call waits for it.
 * @returns its id
 */
export const startLead = async (
  tx: DbClient,
  lead: Readonly<{ tenantId: string; campaignId: string; phoneNumber: string; name: string }>,
  now: Date,
): Promise<string> => {
  const [row] = await tx.$queryRaw<{ id: string }[]>`
    INSERT INTO "Lead" ("id", "tenantId", "campaignId", "phoneNumber", "name", "status", "attempts", "metadata", "createdAt",
      "updatedAt")
    VALUES (${uuid()}, ${lead.tenantId}, ${lead.campaignId}, ${lead.phoneNumber}, ${lead.name}, 'calling', 1,
      '{"source":"inbound"}', ${now}, ${now})
    ON CONFLICT ("campaignId", "phoneNumber") DO UPDATE SET
      "status" = 'calling', "attempts" = "Lead"."attempts" + 1, "archivedAt" = NULL, "updatedAt" = ${now}
    RETURNING "id"`;
  if (row === undefined) throw new Error('the database returned no lead');
  return row.id;
};

/** Sets a lead without open calls to `completed`, or to `failed` if its latest call failed. */
export const settleLead = async (tx: DbClient, leadId: string): Promise<void> => {
  const open = await tx.callLog.count({ where: { leadId, openRoom: { not: null } } });
  if (open > 0) return;
  const last = await tx.callLog.aggregate({ where: { leadId }, _max: { endedAt: true } });
  const newest = await tx.callLog.findFirst({
    where: { leadId },
    orderBy: { createdAt: 'desc' },
    select: { status: true },
  });
  await tx.lead.update({
    where: { id: leadId },
    data: { status: newest?.status === 'failed' ? 'failed' : 'completed', lastCallAt: last._max.endedAt },
  });
};
