/**
 * Decides what an import does with a number of the account, given our records.
 *
 * Glossary
 *   account    the provider account that lists the numbers (AC…); records state which one they were imported from
 *   missing    imported from this account, but no longer listed by it
 */
import type { TenantScope } from '../tenants/scope.ts';
import { toE164 } from './number.ts';
import type { Capabilities, NumberType, OwnedNumber } from './owned-number.ts';

/** The fields of a phone number record that an import uses. */
export type NumberRecord = Readonly<{
  id: string;
  number: string;
  type: NumberType;
  providerSid: string | null;
  tenantId: string;
  campaignId: string | null;
  isActive: boolean;
  purchasedAt: Date | null;
  metadata: Readonly<Record<string, unknown>>;
}>;

/** The fields that an import writes. */
export type NumberFacts = Readonly<{
  type: NumberType;
  providerSid: string;
  purchasedAt: Date | null;
  campaignId: string | null;
  metadata: Readonly<Record<string, unknown>>;
}>;

/** The tenant, the campaign for numbers without one, and the source account of an import. */
export type ImportTarget = Readonly<{ scope: TenantScope; campaignId: string | null; accountSid: string }>;

export type SkipReason = 'other_tenant' | 'not_a_number' | 'no_voice' | 'sid_of_another_number' | 'changed_meanwhile';

/** The reasons, for people. */
export const skipReasonTexts = {
  other_tenant: 'belongs to another tenant',
  not_a_number: 'not a phone number',
  no_voice: 'does not support voice calls',
  sid_of_another_number: 'its SID is recorded for another number',
  changed_meanwhile: 'changed during the import: run it again',
} as const satisfies Record<SkipReason, string>;

export type NumberChange = 'type' | 'sid' | 'purchasedAt' | 'campaign' | 'capabilities' | 'account' | 'trunk';

export type ImportDecision =
  | Readonly<{ kind: 'create'; facts: NumberFacts }>
  | Readonly<{ kind: 'update'; known: NumberRecord; changes: readonly NumberChange[]; facts: NumberFacts }>
  | Readonly<{ kind: 'unchanged'; known: NumberRecord }>
  | Readonly<{ kind: 'skip'; reason: SkipReason }>;

/** @param known the records of any tenant with this number or SID */
export const decideImport = (
  owned: OwnedNumber,
  known: readonly NumberRecord[],
  target: ImportTarget,
): ImportDecision => {
  if (toE164(owned.number, 'US') !== owned.number) return { kind: 'skip', reason: 'not_a_number' };
  const record = known.find(({ number }) => number === owned.number);
  const sidElsewhere = known.find((other) => other.providerSid === owned.sid && other !== record);
  if (record !== undefined && record.tenantId !== target.scope.tenantId)
    return { kind: 'skip', reason: 'other_tenant' };
  if (sidElsewhere !== undefined) return { kind: 'skip', reason: 'sid_of_another_number' };
  const facts = factsOf(owned, record ?? null, target);
  if (record === undefined)
    return owned.capabilities.voice ? { kind: 'create', facts } : { kind: 'skip', reason: 'no_voice' };
  const changes = changesOf(record, facts);
  return changes.length === 0
    ? { kind: 'unchanged', known: record }
    : { kind: 'update', known: record, changes, facts };
};

/** Whether a record was imported from this account, but is no longer listed by it. */
export const isMissing = (known: NumberRecord, listed: ReadonlySet<string>, accountSid: string): boolean =>
  known.metadata.importedFrom === accountSid && !listed.has(known.number);

const factsOf = (owned: OwnedNumber, known: NumberRecord | null, target: ImportTarget): NumberFacts => ({
  type: owned.type,
  providerSid: owned.sid,
  purchasedAt: owned.purchasedAt ?? known?.purchasedAt ?? null,
  campaignId: known?.campaignId ?? target.campaignId,
  metadata: {
    ...known?.metadata,
    capabilities: owned.capabilities,
    importedFrom: target.accountSid,
    trunkSid: owned.trunkSid,
  },
});

const changesOf = (known: NumberRecord, facts: NumberFacts): NumberChange[] => {
  const differs = {
    type: known.type !== facts.type,
    sid: known.providerSid !== facts.providerSid,
    purchasedAt: known.purchasedAt?.getTime() !== facts.purchasedAt?.getTime(),
    campaign: known.campaignId !== facts.campaignId,
    capabilities: capabilitiesKey(known.metadata.capabilities) !== capabilitiesKey(facts.metadata.capabilities),
    account: known.metadata.importedFrom !== facts.metadata.importedFrom,
    trunk: (known.metadata.trunkSid ?? null) !== facts.metadata.trunkSid,
  } satisfies Record<NumberChange, boolean>;
  return (Object.keys(differs) as NumberChange[]).filter((change) => differs[change]);
};

const abilities = ['voice', 'sms', 'mms', 'fax'] as const satisfies readonly (keyof Capabilities)[];

/** Capabilities in a comparable form: the database doesn't preserve the order of keys. */
const capabilitiesKey = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return '';
  const entries = new Map<string, unknown>(Object.entries(value));
  return abilities.map((ability) => `${ability}:${String(entries.get(ability))}`).join();
};
