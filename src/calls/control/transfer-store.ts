/** Transfers of callers in the database: one at a time for each call. */
import type { DbClient } from '../../database/open.ts';
import { transferTakesMs } from '../call.ts';

/** The right to have the caller of an open call transferred; false where that is under way, done, or the call is over. */
export const claimTransfer = async (db: DbClient, callId: string, transferTo: string, now: Date): Promise<boolean> => {
  const { count } = await db.callLog.updateMany({
    where: {
      id: callId,
      openRoom: { not: null },
      transferredAt: null,
      OR: [
        { transferState: null },
        { transferState: 'failed' },
        { transferAskedAt: { lt: new Date(now.getTime() - transferTakesMs) } },
      ],
    },
    data: { transferTo, transferState: 'asked', transferAskedAt: now, version: { increment: 1 } },
  });
  return count === 1;
};

/** How the transfer went that was taken. */
export const endTransfer = async (db: DbClient, callId: string, transferState: 'done' | 'failed'): Promise<void> => {
  await db.callLog.update({ where: { id: callId }, data: { transferState, version: { increment: 1 } } });
};
