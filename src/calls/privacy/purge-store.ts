/** What is too old, deleted from the database. */
import type { DbClient } from '../../database/open.ts';

/** Few enough that nobody waits for the deleting. */
const deletedAtOnce = 2_000;

const inParts = async (deletePart: () => Promise<number>): Promise<number> => {
  for (let total = 0; ;) {
    const deleted = await deletePart();
    total += deleted;
    if (deleted < deletedAtOnce) return total;
  }
};

/** Deletes what was said before; how many turns that were. */
export const deleteTurnsBefore = (db: DbClient, before: Date): Promise<number> =>
  inParts(
    () => db.$executeRaw`
      DELETE FROM "CallTurn" WHERE "id" IN (
        SELECT "id" FROM "CallTurn" WHERE "createdAt" < ${before} LIMIT ${deletedAtOnce})`,
  );

/** Deletes webhooks that were taken in before. */
export const deleteInboxBefore = (db: DbClient, before: Date): Promise<number> =>
  inParts(
    () => db.$executeRaw`
      DELETE FROM "WebhookEvent" WHERE "id" IN (
        SELECT "id" FROM "WebhookEvent" WHERE "receivedAt" < ${before} LIMIT ${deletedAtOnce})`,
  );

/** Deletes orders that were given before. */
export const deleteCommandsBefore = async (db: DbClient, before: Date): Promise<number> =>
  (await db.callCommand.deleteMany({ where: { createdAt: { lt: before } } })).count;
