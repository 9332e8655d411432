/** Transfers in the database: one at a time per call. */
import type { DbClient } from '../../database/open.ts';
import { transferTakesMs } from '../call.ts';

/** Claims the right to transfer the caller of an open call; false if a transfer is under way or done, or the call is over. */
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

/** Records the outcome of a claimed transfer. */
export const endTransfer = async (db: DbClient, callId: string, transferState: 'done' | 'failed'): Promise<void> => {
  await db.callLog.update({ where: { id: callId }, data: { transferState, version: { increment: 1 } } });
};
