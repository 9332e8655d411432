/** Imports the numbers of a provider account: creates and updates records, but never takes a number from another tenant. */
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

/** The outcome for one number; in a dry run, the outcome that an import would have. */
export type ImportOutcome = Readonly<{
  number: string;
  sid: string | null;
  outcome: 'created' | 'updated' | 'unchanged' | 'skipped' | 'missing' | 'deactivated';
  /** The record's id; null if there is none, or if it belongs to another tenant. */
  id: string | null;
  /** Whether calls to it are accepted; null if the tenant has no record of it. */
  isActive: boolean | null;
  changes: readonly NumberChange[];
  skipReason: SkipReason | null;
}>;

type ImportInput = Readonly<{
  owned: readonly OwnedNumber[];
  target: ImportTarget;
  /** Report the outcomes without changing anything. */
  dryRun: boolean;
  /** Deactivate numbers that were imported from this account, but are no longer listed. */
  deactivateMissing: boolean;
}>;

/** Numbers per transaction. Small, because on SQLite a transaction blocks calls. */
const chunkSize = 20;

/** Imports the listed numbers. Returns their outcomes in order, followed by the missing numbers. */
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
    return transaction(db, work); // A concurrent import created one of them: the second attempt finds its record.
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
    outcomes.push(dryRun ? outcomeOf(number, decision) : await applyDecision(tx, number, decision, target.scope));
  }
  return outcomes;
};

const applyDecision = async (
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
  const base = { number: owned.number, sid: owned.sid, id: null, isActive: null, changes: [], skipReason: null };
  switch (decision.kind) {
    case 'create':
      return { ...base, outcome: 'created', isActive: true };
    case 'update':
      return { ...base, outcome: 'updated', ...recordOf(decision.known), changes: decision.changes };
    case 'unchanged':
      return { ...base, outcome: 'unchanged', ...recordOf(decision.known) };
    case 'skip':
      return { ...base, outcome: 'skipped', skipReason: decision.reason };
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
