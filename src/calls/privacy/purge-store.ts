/** Deletes old records from the database. */
import type { DbClient } from '../../database/open.ts';

/** Few enough that no call has to wait for the deletion. */
const deletedAtOnce = 2_000;

const inParts = async (deletePart: () => Promise<number>): Promise<number> => {
  for (let total = 0; ;) {
    const deleted = await deletePart();
    total += deleted;
    if (deleted < deletedAtOnce) return total;
  }
};

/** Deletes turns spoken before that time. @returns how many */
export const deleteTurnsBefore = (db: DbClient, before: Date): Promise<number> =>
  inParts(
    () => db.$executeRaw`
      DELETE FROM "CallTurn" WHERE "id" IN (
        SELECT "id" FROM "CallTurn" WHERE "createdAt" < ${before} LIMIT ${deletedAtOnce})`,
  );

/** Deletes webhooks received before that time. @returns how many */
export const deleteInboxBefore = (db: DbClient, before: Date): Promise<number> =>
  inParts(
    () => db.$executeRaw`
      DELETE FROM "WebhookEvent" WHERE "id" IN (
        SELECT "id" FROM "WebhookEvent" WHERE "receivedAt" < ${before} LIMIT ${deletedAtOnce})`,
  );

/** Deletes commands given before that time. @returns how many */
export const deleteCommandsBefore = async (db: DbClient, before: Date): Promise<number> =>
  (await db.callCommand.deleteMany({ where: { createdAt: { lt: before } } })).count;
