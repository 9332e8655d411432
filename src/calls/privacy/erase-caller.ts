/** Erases a caller: who they are and what they said. */
import type { Config } from '../../config.ts';
import type { Context } from '../../context.ts';
import { transaction } from '../../database/transaction.ts';
import { AppError } from '../../errors.ts';
import { deleteLeadsOf } from '../../leads/scoped-store.ts';
import { toE164 } from '../../numbers/number.ts';
import type { TenantScope } from '../../tenants/scope.ts';
import { eraseCalls, insertErasure, isOnTheLine, type Receipt } from './erasure-scoped-store.ts';

/**
 * Erases a caller of a tenant: leads, transcripts, messages, and their number in the records of their calls.
 * @param caller the number, in any format or as it was recorded
 * @returns the receipt, with zeros if there was nothing to erase
 * @throws AppError `conflict` while the caller is on a call
 */
export const eraseCaller = (
  { db, config, log }: Pick<Context, 'db' | 'log'> & Readonly<{ config: Pick<Config, 'defaultCountry'> }>,
  scope: TenantScope,
  { caller, by }: Readonly<{ caller: string; by: string }>,
): Promise<Receipt> => {
  const phoneNumber = toE164(caller, config.defaultCountry) ?? caller;
  return transaction(db, async (tx) => {
    if (await isOnTheLine(tx, scope, phoneNumber))
      throw new AppError('conflict', 'The caller is on a call: end it first.');
    const erased = await eraseCalls(tx, scope, phoneNumber);
    const leads = await deleteLeadsOf(tx, scope, phoneNumber);
    const receipt = await insertErasure(tx, scope, { ...erased, leads, erasedBy: by });
    log.info({ erasureId: receipt.id, ...erased, leads }, 'caller erased');
    return receipt;
  });
};
