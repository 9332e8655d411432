/** Records which tenant a Twilio trunk belongs to, and which numbers are on it. */
import type { Db } from '../database/open.ts';
import { AppError } from '../errors.ts';
import type { TenantScope } from '../tenants/scope.ts';
import type { NumberRecord } from './import-decision.ts';
import { deactivateTrunkRecord, saveNumberTrunk, saveTrunkRecord } from './store.ts';
import type { TrunkRecord } from './trunk-record.ts';

type Needs = Readonly<{ db: Db; scope: TenantScope }>;

/**
 * Records a trunk as the tenant's, and active.
 * @throws AppError `malformed` if it is recorded for another tenant
 */
export const recordTrunk = async (
  { db, scope }: Needs,
  trunk: Pick<TrunkRecord, 'twilioTrunkSid' | 'name'>,
): Promise<void> => {
  if (await saveTrunkRecord(db, scope, trunk)) return;
  throw new AppError('malformed', `Trunk ${trunk.twilioTrunkSid} is recorded for another tenant.`);
};

/** Deactivates the record of a trunk that no longer exists at Twilio. */
export const retireTrunk = ({ db, scope }: Needs, twilioTrunkSid: string): Promise<void> =>
  deactivateTrunkRecord(db, scope, twilioTrunkSid);

/** Records that a number is now on this trunk. */
export const recordNumberTrunk = (
  { db, scope }: Needs,
  number: Readonly<{ known: NumberRecord; trunkSid: string }>,
): Promise<void> => saveNumberTrunk(db, scope, number);
