/** Brings what a provider lists into our records: creates and updates, never takes a number from another tenant. */
import { isUniqueViolation } from '../database/driver-errors.ts';
import type { Db, DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import type { TenantScope } from '../tenants/scope.ts';
import {
  decideImport,
  isMissing,
  type ImportDecision,
  type ImportTarget,
  type NumberRecord,
  type NumberChange,
  type SkipReason,
} from './import-decision.ts';
import type { OwnedNumber } from './owned-number.ts';
import { createNumber, deactivateNumber, findNumberRecords, numbersOfTenant, updateNumberFacts } from './store.ts';

/** What became of one number. In a dry run: what would become of it. */
export type ImportOutcome = Readonly<{
  number: string;
  sid: string | null;
  outcome: 'created' | 'updated' | 'unchanged' | 'skipped' | 'missing' | 'deactivated';
  /** Of the record; null where there is none (yet), or where it isn't the tenant's. */
  id: string | null;
  /** Whether calls to it are taken; null where there is no record of the tenant. */
  isActive: boolean | null;
  changes: readonly NumberChange[];
  skipReason: SkipReason | null;
}>;

export type ImportInput = Readonly<{
  owned: readonly OwnedNumber[];
  target: ImportTarget;
  /** Changes nothing, and tells what would be done. */
  dryRun: boolean;
  /** Sets numbers inactive that were imported from this account and are no longer listed. */
  deactivateMissing: boolean;
}>;

/** So many numbers are brought in by one transaction: on SQLite a call waits no longer than for one. */
const chunkSize = 20;

/** Imports the listed numbers, in their order, and reports each, and after them the missing ones. */
export const importNumbers = async (ctx: { db: Db }, input: ImportInput): Promise<ImportOutcome[]> => {
  const owned = [...new Map(input.owned.map((number) => [number.sid, number])).values()];
  const outcomes: ImportOutcome[] = [];
  for (let start = 0; start < owned.length; start += chunkSize)
    outcomes.push(...(await importChunk(ctx.db, owned.slice(start, start + chunkSize), input)));
  return [...outcomes, ...(await reportMissing(ctx.db, input))];
};

const importChunk = async (db: Db, owned: readonly OwnedNumber[], input: ImportInput): Promise<ImportOutcome[]> => {
  const work = (tx: DbClient) => importInto(tx, owned, input);
  try {
    return await transaction(db, work);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    return transaction(db, work); // Another import created one of them between our look and our write: now we see it.
  }
};

const importInto = async (
  tx: DbClient,
  owned: readonly OwnedNumber[],
  { target, dryRun }: ImportInput,
): Promise<ImportOutcome[]> => {
  const known = await findNumberRecords(tx, {
    numbers: owned.map(({ number }) => number),
    sids: owned.map(({ sid }) => sid),
  });
  const outcomes: ImportOutcome[] = [];
  for (const number of owned) {
    const own = known.filter((record) => record.number === number.number || record.providerSid === number.sid);
    const decision = decideImport(number, own, target);
    outcomes.push(dryRun ? outcomeOf(number, decision) : await carryOut(tx, number, decision, target.scope));
  }
  return outcomes;
};

const carryOut = async (
  tx: DbClient,
  owned: OwnedNumber,
  decision: ImportDecision,
  scope: TenantScope,
): Promise<ImportOutcome> => {
  const outcome = outcomeOf(owned, decision);
  if (decision.kind === 'create')
    return { ...outcome, id: await createNumber(tx, scope, { number: owned.number, facts: decision.facts }) };
  if (
    decision.kind === 'update' &&
    !(await updateNumberFacts(tx, scope, { id: decision.known.id, facts: decision.facts }))
  )
    return outcomeOf(owned, { kind: 'skip', reason: 'changed_meanwhile' });
  return outcome;
};

const outcomeOf = (owned: OwnedNumber, decision: ImportDecision): ImportOutcome => {
  const bare = { number: owned.number, sid: owned.sid, id: null, isActive: null, changes: [], skipReason: null };
  switch (decision.kind) {
    case 'create':
      return { ...bare, outcome: 'created', isActive: true };
    case 'update':
      return { ...bare, outcome: 'updated', ...recordOf(decision.known), changes: decision.changes };
    case 'unchanged':
      return { ...bare, outcome: 'unchanged', ...recordOf(decision.known) };
    case 'skip':
      return { ...bare, outcome: 'skipped', skipReason: decision.reason };
  }
};

const recordOf = ({ id, isActive }: NumberRecord) => ({ id, isActive });

const reportMissing = async (db: Db, input: ImportInput): Promise<ImportOutcome[]> => {
  const { scope, accountSid } = input.target;
  const listed = new Set(input.owned.map(({ number }) => number));
  const missing = (await numbersOfTenant(db, scope)).filter((known) => isMissing(known, listed, accountSid));
  const outcomes: ImportOutcome[] = [];
  for (const known of missing) {
    const deactivates = input.deactivateMissing && known.isActive;
    if (deactivates && !input.dryRun) await deactivateNumber(db, scope, known.id);
    const outcome = deactivates ? 'deactivated' : 'missing';
    const isActive = known.isActive && !deactivates;
    outcomes.push({
      number: known.number,
      sid: known.providerSid,
      outcome,
      id: known.id,
      isActive,
      changes: [],
      skipReason: null,
    });
  }
  return outcomes;
};
