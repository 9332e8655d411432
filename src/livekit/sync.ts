/**
 * What LiveKit has to know so that calls come in: one inbound trunk with our numbers, and one dispatch rule that gives every call
 * of this trunk a room and our agent. `planSync` compares; `applySync` (apply-sync.ts) makes it so.
 *
 * Glossary
 *   ours      made or taken over by this command for this database: its metadata say so, and either configuration or database
 *             know the trunk, or all its numbers are ours (another installation in the same project has other numbers)
 *   foreign   anything else: never changed, unless it is LIVEKIT_INBOUND_TRUNK_ID or that trunk's only rule, and asked for
 *   conflict  what must be settled by a person first; while there is one, nothing is changed
 */
import type { SipRule, SipTrunk } from './sip.ts';

/** What the database and the configuration say. */
export type SyncSpec = Readonly<{
  /** The numbers that are to be answered, in E.164. */
  active: readonly string[];
  /** All numbers of the database. */
  own: readonly string[];
  /** The trunks that the database knows its numbers by. */
  recordedTrunkIds: readonly string[];
  /** LIVEKIT_INBOUND_TRUNK_ID. */
  inboundTrunkId: string | null;
  agentName: string;
  /** Whether the trunk of LIVEKIT_INBOUND_TRUNK_ID and its rule may be taken over. */
  adopt: boolean;
  /** Addresses or ranges that calls may come from; null: as they are. */
  allowedAddresses: readonly string[] | null;
}>;

/** What is there: trunks and rules of the LiveKit project. */
export type SipState = Readonly<{ trunks: readonly SipTrunk[]; rules: readonly SipRule[] }>;

export type Difference = Readonly<{ field: string; from: readonly string[]; to: readonly string[] }>;

export type Change = Readonly<{
  action: 'create' | 'adopt' | 'update' | 'keep';
  /** Null: there is none yet. */
  id: string | null;
  name: string;
  differences: readonly Difference[];
}>;

export type ConflictCode =
  'no_numbers' | 'trunk_missing' | 'trunk_foreign' | 'trunk_second' | 'number_taken' | 'rule_foreign' | 'rule_second';

export type Conflict = Readonly<{
  code: ConflictCode;
  /** The trunk or rule that is in the way. */
  id: string | null;
  /** What is the matter, and what to do. */
  message: string;
}>;

export type SyncPlan = Readonly<{
  trunk: Change & Readonly<{ metadata: Record<string, unknown> }>;
  rule: Change & Readonly<{ metadata: Record<string, unknown>; otherTrunkIds: readonly string[] }>;
  spec: SyncSpec;
  conflicts: readonly Conflict[];
  /** What is worth knowing, and no reason to stop. */
  notices: readonly string[];
}>;

/** How the trunk and the rule are called that this command makes. */
const defaultName = 'telephony-agent inbound';
const marker = 'telephony-agent';

/** Metadata as an object; somebody else's may be anything. */
const metadataOf = (metadata: string): Record<string, unknown> => {
  try {
    const parsed: unknown = JSON.parse(metadata);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {}; // not JSON: not ours
  }
};

const isMarked = ({ metadata }: { metadata: string }): boolean => metadataOf(metadata).managedBy === marker;

const label = ({ id, name }: { id: string; name: string }): string => (name === '' ? id : `${id} "${name}"`);

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && new Set([...one, ...other]).size === one.length;

const differing = (field: string, from: readonly string[], to: readonly string[]): Difference[] =>
  isSame(from, to) ? [] : [{ field, from, to }];

/** As LiveKit compares numbers: how they are written doesn't matter. */
export const normalizeNumber = (number: string): string => {
  if (!/^\+?[\d\- ()]+$/.test(number)) return number;
  return `+${number.replace(/\D/g, '')}`;
};

const isOurTrunk = (trunk: SipTrunk, wish: SyncSpec): boolean => {
  if (!isMarked(trunk)) return false;
  if (trunk.id === wish.inboundTrunkId || wish.recordedTrunkIds.includes(trunk.id)) return true;
  return trunk.numbers.length > 0 && trunk.numbers.every((number) => wish.own.includes(normalizeNumber(number)));
};

type Found<T> = Readonly<{ target: T | null; isForeign: boolean; conflicts: readonly Conflict[] }>;

/** Our trunk: the one that LIVEKIT_INBOUND_TRUNK_ID names, else the one that is ours. */
const findTrunk = (trunks: readonly SipTrunk[], wish: SyncSpec): Found<SipTrunk> => {
  const { inboundTrunkId } = wish;
  const named = trunks.find(({ id }) => id === inboundTrunkId) ?? null;
  const ours = trunks.filter((trunk) => isOurTrunk(trunk, wish));
  const target = inboundTrunkId === null ? (ours[0] ?? null) : named;
  const isForeign = target !== null && !ours.includes(target);
  const conflicts: Conflict[] = [];
  if (inboundTrunkId !== null && named === null) conflicts.push(trunkMissing(inboundTrunkId, ours));
  if (isForeign && !wish.adopt) conflicts.push(trunkForeign(target));
  for (const second of ours) {
    if (second === target || (inboundTrunkId !== null && named === null)) continue;
    conflicts.push(trunkSecond(second, target));
  }
  for (const trunk of trunks) {
    const taken = trunk.numbers.map(normalizeNumber).filter((number) => wish.active.includes(number));
    if (trunk !== target && !ours.includes(trunk) && taken.length > 0) conflicts.push(numberTaken(trunk, taken, wish));
  }
  return { target, isForeign, conflicts };
};

const trunkMissing = (id: string, ours: readonly SipTrunk[]): Conflict => ({
  code: 'trunk_missing',
  id,
  message:
    `LIVEKIT_INBOUND_TRUNK_ID names trunk ${id}, which this LiveKit project doesn't have. ` +
    (ours[0] === undefined ? 'Unset it, and run this again.' : `Put ${ours[0].id} there, and run this again.`),
});

const trunkForeign = (trunk: SipTrunk): Conflict => ({
  code: 'trunk_foreign',
  id: trunk.id,
  message: `Trunk ${label(trunk)} was not made by this command. To take it over with the differences shown, add --adopt.`,
});

const trunkSecond = (trunk: SipTrunk, target: SipTrunk | null): Conflict => ({
  code: 'trunk_second',
  id: trunk.id,
  message:
    `Trunk ${label(trunk)} was made by this command too, besides ${target?.id ?? 'ours'}. Delete the one that isn't used, ` +
    'and put the id of the other into LIVEKIT_INBOUND_TRUNK_ID.',
});

const numberTaken = (trunk: SipTrunk, numbers: readonly string[], wish: SyncSpec): Conflict => ({
  code: 'number_taken',
  id: trunk.id,
  message:
    `Trunk ${label(trunk)}, which this command didn't make, has ${numbers.join(', ')}: LiveKit takes a number on one trunk only. ` +
    `Remove ${numbers.length === 1 ? 'the number' : 'the numbers'} from that trunk` +
    (wish.inboundTrunkId === null ? `, or take it over: LIVEKIT_INBOUND_TRUNK_ID=${trunk.id} and --adopt.` : '.'),
});

const isOurRule = (rule: SipRule, trunkId: string | null, wish: SyncSpec): boolean => {
  if (!isMarked(rule)) return false;
  const madeFor = metadataOf(rule.metadata).trunkId;
  const known = [trunkId, wish.inboundTrunkId, ...wish.recordedTrunkIds];
  return known.some((id) => id !== null && (id === madeFor || rule.trunkIds.includes(id)));
};

/** Our rule: the one that is ours, else the only one of the trunk that LIVEKIT_INBOUND_TRUNK_ID names. */
const findRule = (rules: readonly SipRule[], trunk: SipTrunk | null, wish: SyncSpec): Found<SipRule> => {
  const onTrunk = rules.filter(({ trunkIds }) => trunk !== null && trunkIds.includes(trunk.id));
  const ours = rules.filter((rule) => isOurRule(rule, trunk?.id ?? null, wish));
  const isNamed = trunk !== null && trunk.id === wish.inboundTrunkId;
  const only = isNamed && onTrunk.length === 1 ? onTrunk[0] : undefined;
  const target = ours.find((rule) => onTrunk.includes(rule)) ?? ours[0] ?? only ?? null;
  const isForeign = target !== null && !ours.includes(target);
  const conflicts: Conflict[] = [];
  if (isForeign && !wish.adopt) conflicts.push(ruleForeign(target, 'To take it over, add --adopt; else delete it.'));
  for (const rule of new Set([...onTrunk, ...ours])) {
    if (rule === target) continue;
    if (ours.includes(rule)) conflicts.push(ruleSecond(rule, target));
    else conflicts.push(ruleForeign(rule, wayOut(trunk, ours.length > 0 || isNamed)));
  }
  return { target, isForeign, conflicts };
};

const wayOut = (trunk: SipTrunk | null, onlyDelete: boolean): string =>
  onlyDelete || trunk === null
    ? 'Delete it, or take the trunk out of it.'
    : `Delete it, or take it over: LIVEKIT_INBOUND_TRUNK_ID=${trunk.id} and --adopt.`;

const ruleForeign = (rule: SipRule, what: string): Conflict => ({
  code: 'rule_foreign',
  id: rule.id,
  message: `Rule ${label(rule)} (${rule.kind}), which this command didn't make, takes calls of our trunk. ${what}`,
});

const ruleSecond = (rule: SipRule, target: SipRule | null): Conflict => ({
  code: 'rule_second',
  id: rule.id,
  message: `Rule ${label(rule)} was made by this command too, besides ${target?.id ?? 'ours'}. Delete one of them.`,
});

const noNumbers: Conflict = {
  code: 'no_numbers',
  id: null,
  message:
    'No number in the database is active, and a trunk without numbers would take calls to any. ' +
    'Import or activate one first: npm run cli -- import:twilio.',
};

const trunkPlan = ({ target, isForeign }: Found<SipTrunk>, wish: SyncSpec): SyncPlan['trunk'] => {
  const metadata = { ...metadataOf(target?.metadata ?? ''), managedBy: marker };
  const addresses = wish.allowedAddresses ?? target?.allowedAddresses ?? [];
  const differences = [
    ...differing('numbers', target?.numbers ?? [], wish.active),
    ...differing('addresses', target?.allowedAddresses ?? [], addresses),
    ...(isForeign ? [{ field: 'made by', from: ['others'], to: ['this command'] }] : []),
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

/** How a trunk is shown that doesn't exist yet. */
const newTrunk = 'the new trunk';

/** What of a rule, beside its trunks, isn't as it has to be so that every call gets a room and the agent; null: a new one. */
export const ruleDifferences = (rule: SipRule | null, agentName: string): Difference[] => [
  ...differing('kind', rule === null ? [] : [rule.kind], ['individual']),
  ...differing('agents', rule?.agents ?? [], [agentName]),
  ...differing('pin', rule === null || rule.pin === '' ? [] : [rule.pin], []),
  ...differing('callers', rule?.callers ?? [], []),
  ...differing('dialled numbers', rule?.dialed ?? [], []),
  ...(rule?.hidesNumbers === true ? [{ field: 'numbers', from: ['hidden'], to: ['told to the agent'] }] : []),
];

const rulePlan = (
  { target, isForeign }: Found<SipRule>,
  trunk: SipTrunk | null,
  state: SipState,
  wish: SyncSpec,
): SyncPlan['rule'] => {
  const trunkId = trunk?.id ?? newTrunk;
  const exists = (id: string) => state.trunks.some((one) => one.id === id);
  const otherTrunkIds = (target?.trunkIds ?? []).filter((id) => id !== trunkId && exists(id));
  const metadata = { ...metadataOf(target?.metadata ?? ''), managedBy: marker };
  const differences = [
    ...differing('trunks', target?.trunkIds ?? [], [...otherTrunkIds, trunkId]),
    ...ruleDifferences(target, wish.agentName),
    ...(isForeign ? [{ field: 'made by', from: ['others'], to: ['this command'] }] : []),
  ];
  return { ...changeOf(target, isForeign, differences), metadata, otherTrunkIds };
};

const noticesOf = (trunk: SipTrunk | null, state: SipState, wish: SyncSpec): string[] => [
  ...((wish.allowedAddresses ?? trunk?.allowedAddresses ?? []).length === 0
    ? ["The trunk takes calls from any address. With Twilio's only: --allow twilio (see --help)."]
    : []),
  ...(trunk !== null && trunk.allowedCallers.length > 0
    ? [`The trunk takes calls of these callers only: ${trunk.allowedCallers.join(', ')}.`]
    : []),
  ...state.rules
    .filter((rule) => rule.trunkIds.length === 0 && !isOurRule(rule, trunk?.id ?? null, wish))
    .map(
      (rule) => `Rule ${label(rule)} names no trunk: it takes the calls of every trunk that has no rule of its own.`,
    ),
];

/** Compares what is there with what should be. Pure: whatever comes out, nothing has changed. */
export const planSync = (state: SipState, wish: SyncSpec): SyncPlan => {
  const trunk = findTrunk(state.trunks, wish);
  const rule = findRule(state.rules, trunk.target, wish);
  return {
    trunk: trunkPlan(trunk, wish),
    rule: rulePlan(rule, trunk.target, state, wish),
    spec: wish,
    conflicts: [...(wish.active.length === 0 ? [noNumbers] : []), ...trunk.conflicts, ...rule.conflicts],
    notices: noticesOf(trunk.target, state, wish),
  };
};

/** Whether LiveKit has everything already. */
export const isInSync = ({ trunk, rule, conflicts }: SyncPlan): boolean =>
  conflicts.length === 0 && trunk.action === 'keep' && rule.action === 'keep';
