/** Transactions. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isConflict } from './driver-errors.ts';
import type { Db, DbClient } from './open.ts';

const maxAttempts = 5;

/**
 * Runs `work` in a transaction and returns its result; if it throws, the transaction is rolled back. SQLite locks the file at
 * once (BEGIN IMMEDIATE). On a conflict with another transaction `work` runs again, so it must await nothing but the database
 * and change nothing outside of it.
 */
export const transaction = async <T>(db: Db, work: (tx: DbClient) => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.$transaction((tx) => work(tx as DbClient));
    } catch (error) {
      if (attempt === maxAttempts || !isConflict(error)) throw error;
    }
    await sleep(attempt * 20 * Math.random());
  }
};
