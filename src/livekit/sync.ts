/**
 * Plans the LiveKit side of inbound calls: one inbound trunk with our numbers, and one dispatch rule that creates a room for each
 * call on it and dispatches our agent. `planSync` compares; `applySync` (apply-sync.ts) makes the changes.
 *
 * Glossary
 *   ours      created or adopted by this command for this database: marked in its metadata, and the trunk is either known to the
 *             configuration or the database, or has only our numbers (another installation in the project has others)
 *   foreign   anything else; changed only with --adopt, and only the trunk of LIVEKIT_INBOUND_TRUNK_ID and its only rule
 *   conflict  something that a person must resolve; until then, nothing is changed
 */
import type { SipRule, SipTrunk } from './sip.ts';

/** The desired state, from the database and the configuration. */
export type SyncSpec = Readonly<{
  /** The active numbers, in E.164. */
  active: readonly string[];
  /** All numbers of the database. */
  own: readonly string[];
  /** The trunks recorded for numbers in the database. */
  recordedTrunkIds: readonly string[];
  /** LIVEKIT_INBOUND_TRUNK_ID. */
  inboundTrunkId: string | null;
  agentName: string;
  /** Whether the trunk of LIVEKIT_INBOUND_TRUNK_ID and its rule may be adopted. */
  adopt: boolean;
  /** Source addresses or ranges that the trunk accepts; null: unchanged. */
  allowedAddresses: readonly string[] | null;
}>;

/** The trunks and rules of the LiveKit project. */
export type SipState = Readonly<{ trunks: readonly SipTrunk[]; rules: readonly SipRule[] }>;

export type Difference = Readonly<{ field: string; from: readonly string[]; to: readonly string[] }>;

export type Change = Readonly<{
  action: 'create' | 'adopt' | 'update' | 'keep';
  /** Null: to be created. */
  id: string | null;
  name: string;
  differences: readonly Difference[];
}>;

type ConflictCode =
  'no_numbers' | 'trunk_missing' | 'trunk_foreign' | 'trunk_second' | 'number_taken' | 'rule_foreign' | 'rule_second';

type Conflict = Readonly<{
  code: ConflictCode;
  /** The conflicting trunk or rule. */
  id: string | null;
  /** The conflict, and how to resolve it. */
  message: string;
}>;

export type SyncPlan = Readonly<{
  trunk: Change & Readonly<{ metadata: Record<string, unknown> }>;
  rule: Change & Readonly<{ metadata: Record<string, unknown>; otherTrunkIds: readonly string[] }>;
  spec: SyncSpec;
  conflicts: readonly Conflict[];
  /** Hints that don't prevent the changes. */
  notices: readonly string[];
}>;

/** The name of created trunks and rules. */
const defaultName = 'telephony-agent inbound';
const marker = 'telephony-agent';

/** Metadata as an object; foreign metadata may be anything. */
const metadataOf = (metadata: string): Record<string, unknown> => {
  try {
    const parsed: unknown = JSON.parse(metadata);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {}; // not JSON, so not ours
  }
};

const isMarked = ({ metadata }: { metadata: string }): boolean => metadataOf(metadata).managedBy === marker;

const label = ({ id, name }: { id: string; name: string }): string => (name === '' ? id : `${id} "${name}"`);

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && new Set([...one, ...other]).size === one.length;

const differing = (field: string, from: readonly string[], to: readonly string[]): Difference[] =>
  isSame(from, to) ? [] : [{ field, from, to }];

/** Normalizes a number as LiveKit does before comparing. */
export const normalizeNumber = (number: string): string => {
  if (!/^\+?[\d\- ()]+$/.test(number)) return number;
  return `+${number.replace(/\D/g, '')}`;
};

const isOurTrunk = (trunk: SipTrunk, spec: SyncSpec): boolean => {
  if (!isMarked(trunk)) return false;
  if (trunk.id === spec.inboundTrunkId || spec.recordedTrunkIds.includes(trunk.id)) return true;
  return trunk.numbers.length > 0 && trunk.numbers.every((number) => spec.own.includes(normalizeNumber(number)));
};

type Found<T> = Readonly<{ target: T | null; isForeign: boolean; conflicts: readonly Conflict[] }>;

/** The trunk of LIVEKIT_INBOUND_TRUNK_ID if set, otherwise the one that is ours. */
const findTrunk = (trunks: readonly SipTrunk[], spec: SyncSpec): Found<SipTrunk> => {
  const { inboundTrunkId } = spec;
  const named = trunks.find(({ id }) => id === inboundTrunkId) ?? null;
  const ours = trunks.filter((trunk) => isOurTrunk(trunk, spec));
  const target = inboundTrunkId === null ? (ours[0] ?? null) : named;
  const isForeign = target !== null && !ours.includes(target);
  const conflicts: Conflict[] = [];
  if (inboundTrunkId !== null && named === null) conflicts.push(trunkMissing(inboundTrunkId, ours));
  if (isForeign && !spec.adopt) conflicts.push(trunkForeign(target));
  for (const second of ours) {
    if (second === target || (inboundTrunkId !== null && named === null)) continue;
    conflicts.push(trunkSecond(second, target));
  }
  for (const trunk of trunks) {
    const taken = trunk.numbers.map(normalizeNumber).filter((number) => spec.active.includes(number));
    if (trunk !== target && !ours.includes(trunk) && taken.length > 0) conflicts.push(numberTaken(trunk, taken, spec));
  }
  return { target, isForeign, conflicts };
};

const trunkMissing = (id: string, ours: readonly SipTrunk[]): Conflict => ({
  code: 'trunk_missing',
  id,
  message:
    `LIVEKIT_INBOUND_TRUNK_ID is ${id}, but the LiveKit project has no such trunk. ` +
    (ours[0] === undefined ? 'Unset it, then run this again.' : `Set it to ${ours[0].id}, then run this again.`),
});

const trunkForeign = (trunk: SipTrunk): Conflict => ({
  code: 'trunk_foreign',
  id: trunk.id,
  message: `Trunk ${label(trunk)} was not created by this command. To adopt it with the changes shown, add --adopt.`,
});

const trunkSecond = (trunk: SipTrunk, target: SipTrunk | null): Conflict => ({
  code: 'trunk_second',
  id: trunk.id,
  message:
    `This command created trunk ${label(trunk)} in addition to ${target?.id ?? 'ours'}. Delete the unused one, ` +
    'and set LIVEKIT_INBOUND_TRUNK_ID to the other.',
});

const numberTaken = (trunk: SipTrunk, numbers: readonly string[], spec: SyncSpec): Conflict => ({
  code: 'number_taken',
  id: trunk.id,
  message:
    `Trunk ${label(trunk)}, not created by this command, has ${numbers.join(', ')}: a number can be on one trunk only. ` +
    `Remove ${numbers.length === 1 ? 'the number' : 'the numbers'} from that trunk` +
    (spec.inboundTrunkId === null ? `, or adopt it with LIVEKIT_INBOUND_TRUNK_ID=${trunk.id} and --adopt.` : '.'),
});

const isOurRule = (rule: SipRule, trunkId: string | null, spec: SyncSpec): boolean => {
  if (!isMarked(rule)) return false;
  const createdFor = metadataOf(rule.metadata).trunkId;
  const known = [trunkId, spec.inboundTrunkId, ...spec.recordedTrunkIds];
  return known.some((id) => id !== null && (id === createdFor || rule.trunkIds.includes(id)));
};

/** The rule that is ours, otherwise the only rule of the trunk of LIVEKIT_INBOUND_TRUNK_ID. */
const findRule = (rules: readonly SipRule[], trunk: SipTrunk | null, spec: SyncSpec): Found<SipRule> => {
  const onTrunk = rules.filter(({ trunkIds }) => trunk !== null && trunkIds.includes(trunk.id));
  const ours = rules.filter((rule) => isOurRule(rule, trunk?.id ?? null, spec));
  const isNamed = trunk !== null && trunk.id === spec.inboundTrunkId;
  const only = isNamed && onTrunk.length === 1 ? onTrunk[0] : undefined;
  const target = ours.find((rule) => onTrunk.includes(rule)) ?? ours[0] ?? only ?? null;
  const isForeign = target !== null && !ours.includes(target);
  const conflicts: Conflict[] = [];
  if (isForeign && !spec.adopt) conflicts.push(ruleForeign(target, 'To adopt it, add --adopt; otherwise delete it.'));
  for (const rule of new Set([...onTrunk, ...ours])) {
    if (rule === target) continue;
    if (ours.includes(rule)) conflicts.push(ruleSecond(rule, target));
    else conflicts.push(ruleForeign(rule, foreignRuleFix(trunk, ours.length > 0 || isNamed)));
  }
  return { target, isForeign, conflicts };
};

const foreignRuleFix = (trunk: SipTrunk | null, onlyDelete: boolean): string =>
  onlyDelete || trunk === null
    ? 'Delete it, or remove the trunk from it.'
    : `Delete it, or adopt it with LIVEKIT_INBOUND_TRUNK_ID=${trunk.id} and --adopt.`;

const ruleForeign = (rule: SipRule, fix: string): Conflict => ({
  code: 'rule_foreign',
  id: rule.id,
  message: `Rule ${label(rule)} (${rule.kind}), not created by this command, matches calls on our trunk. ${fix}`,
});

const ruleSecond = (rule: SipRule, target: SipRule | null): Conflict => ({
  code: 'rule_second',
  id: rule.id,
  message: `This command created rule ${label(rule)} in addition to ${target?.id ?? 'ours'}. Delete one of them.`,
});

const noNumbers: Conflict = {
  code: 'no_numbers',
  id: null,
  message:
    'The database has no active number, and a trunk without numbers would accept calls to any number. ' +
    'Import or activate a number first: npm run cli -- import:twilio',
};

const trunkPlan = ({ target, isForeign }: Found<SipTrunk>, spec: SyncSpec): SyncPlan['trunk'] => {
  const metadata = { ...metadataOf(target?.metadata ?? ''), managedBy: marker };
  const addresses = spec.allowedAddresses ?? target?.allowedAddresses ?? [];
  const differences = [
    ...differing('numbers', target?.numbers ?? [], spec.active),
    ...differing('addresses', target?.allowedAddresses ?? [], addresses),
    ...(isForeign ? [{ field: 'managed by', from: ['others'], to: ['this command'] }] : []),
  ];
  return { ...changeOf(target, isForeign, differences), metadata };
};

const changeOf = (
  target: SipTrunk | SipRule | null,
  isForeign: boolean,
  differences: readonly Difference[],
): Change => ({
  action: target === null ? 'create' : isForeign ? 'adopt' : differences.length > 0 ? 'update' : 'keep',
  id: target?.id ?? null,
  name: target?.name ?? defaultName,
  differences,
});

/** Stands for the id of a trunk to be created. */
const newTrunk = 'the new trunk';

/** What must change in a rule besides its trunks; null: a new rule. */
export const ruleDifferences = (rule: SipRule | null, agentName: string): Difference[] => [
  ...differing('kind', rule === null ? [] : [rule.kind], ['individual']),
  ...differing('agents', rule?.agents ?? [], [agentName]),
  ...differing('pin', rule === null || rule.pin === '' ? [] : [rule.pin], []),
  ...differing('callers', rule?.callers ?? [], []),
  ...differing('dialed numbers', rule?.dialed ?? [], []),
  ...(rule?.hidesNumbers === true ? [{ field: 'numbers', from: ['hidden'], to: ['visible to the agent'] }] : []),
];

const rulePlan = (
  { target, isForeign }: Found<SipRule>,
  trunk: SipTrunk | null,
  state: SipState,
  spec: SyncSpec,
): SyncPlan['rule'] => {
  const trunkId = trunk?.id ?? newTrunk;
  const exists = (id: string) => state.trunks.some((one) => one.id === id);
  const otherTrunkIds = (target?.trunkIds ?? []).filter((id) => id !== trunkId && exists(id));
  const metadata = { ...metadataOf(target?.metadata ?? ''), managedBy: marker };
  const differences = [
    ...differing('trunks', target?.trunkIds ?? [], [...otherTrunkIds, trunkId]),
    ...ruleDifferences(target, spec.agentName),
    ...(isForeign ? [{ field: 'managed by', from: ['others'], to: ['this command'] }] : []),
  ];
  return { ...changeOf(target, isForeign, differences), metadata, otherTrunkIds };
};

const noticesOf = (trunk: SipTrunk | null, state: SipState, spec: SyncSpec): string[] => [
  ...((spec.allowedAddresses ?? trunk?.allowedAddresses ?? []).length === 0
    ? ["The trunk accepts calls from any address. To accept only Twilio's, add --allow twilio (see --help)."]
    : []),
  ...(trunk !== null && trunk.allowedCallers.length > 0
    ? [`The trunk accepts calls only from these callers: ${trunk.allowedCallers.join(', ')}.`]
    : []),
  ...state.rules
    .filter((rule) => rule.trunkIds.length === 0 && !isOurRule(rule, trunk?.id ?? null, spec))
    .map(
      (rule) =>
        `Rule ${label(rule)} is not limited to trunks: it matches calls on every trunk that has no rule of its own.`,
    ),
];

/** Compares the current with the desired state. Pure. */
export const planSync = (state: SipState, spec: SyncSpec): SyncPlan => {
  const trunk = findTrunk(state.trunks, spec);
  const rule = findRule(state.rules, trunk.target, spec);
  return {
    trunk: trunkPlan(trunk, spec),
    rule: rulePlan(rule, trunk.target, state, spec),
    spec,
    conflicts: [...(spec.active.length === 0 ? [noNumbers] : []), ...trunk.conflicts, ...rule.conflicts],
    notices: noticesOf(trunk.target, state, spec),
  };
};

/** Whether there is nothing to change. */
export const isInSync = ({ trunk, rule, conflicts }: SyncPlan): boolean =>
  conflicts.length === 0 && trunk.action === 'keep' && rule.action === 'keep';
