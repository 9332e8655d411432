/** Health: whether the database can be written to. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from './open.ts';

/**
 * Whether the database accepts a write within `timeoutMs`; false whatever the reason. It updates the one row of `Heartbeat`: a
 * read proves nothing, because SQLite still answers reads while the file is locked or the disk is full.
 */
export const pingDb = async (db: Db, timeoutMs: number): Promise<boolean> => {
  const now = new Date();
  const written = db.$executeRaw`
    INSERT INTO "Heartbeat" ("id", "beatAt") VALUES ('health', ${now})
    ON CONFLICT ("id") DO UPDATE SET "beatAt" = ${now}`.then(
    () => true,
    () => false,
  );
  return Promise.race([written, sleep(timeoutMs, false, { ref: false })]);
};
