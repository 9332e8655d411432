/**
 * What is to be done so that Twilio sends a tenant's calls to LiveKit: decided from what there is, without doing anything.
 *
 * Glossary
 *   step       a change at Twilio or in our records
 *   conflict   something that somebody has set up otherwise: nothing is done until a flag says what to do about it
 *   note       something that this setup cannot mend
 */
import type { NumberRecord } from '../numbers/import-decision.ts';
import type { OwnedNumber } from '../numbers/owned-number.ts';
import type { TrunkRecord } from '../numbers/trunk-record.ts';
import type { Origination, Trunk } from './client.ts';

/** How the origination URL has to be. */
export const originationSettings = { priority: 10, weight: 10, enabled: true } as const;

export type SetupSpec = Readonly<{
  tenantId: string;
  sipUri: string;
  /** The trunk to use (TK…); null: the one that is recorded for the tenant, else the one of that name, else a new one. */
  trunkSid: string | null;
  trunkName: string;
  /** The numbers whose calls are to come over the trunk. */
  numbers: readonly NumberRecord[];
  /** What to do about enabled origination URLs to other addresses; null: ask. */
  otherOrigination: 'keep' | 'disable' | null;
  /** Whether numbers may be taken from another trunk or application of the account. */
  moveNumbers: boolean;
}>;

export type SetupStep =
  | Readonly<{ kind: 'create_trunk'; name: string }>
  | Readonly<{ kind: 'record_trunk'; trunkSid: string | null; name: string }>
  | Readonly<{ kind: 'retire_trunk'; trunkSid: string }>
  | Readonly<{ kind: 'create_origination'; sipUri: string }>
  | Readonly<{ kind: 'change_origination'; sid: string; from: Origination; change: Partial<Origination> }>
  | Readonly<{ kind: 'disable_origination'; sid: string; sipUri: string }>
  | Readonly<{
      kind: 'attach_number';
      known: NumberRecord;
      sid: string;
      fromTrunkSid: string | null;
      voiceUrl: string;
    }>;

export type SetupConflict =
  | Readonly<{ kind: 'trunk_ambiguous'; sids: readonly string[] }>
  | Readonly<{ kind: 'trunk_of_other_tenant'; sid: string }>
  | Readonly<{ kind: 'other_origination'; sid: string; sipUri: string }>
  | Readonly<{ kind: 'number_on_other_trunk'; sid: string; number: string; trunkSid: string }>
  | Readonly<{ kind: 'number_in_application'; sid: string; number: string; applicationSid: string }>;

export type SetupNote = Readonly<{
  kind: 'trunk_unknown' | 'number_not_in_account';
  sid: string | null;
  number?: string;
}>;

export type SetupPlan = Readonly<{
  /** The trunk that is used; its sid is null where it is to be created; null where that isn't decided. */
  trunk: Readonly<{ sid: string | null; name: string }> | null;
  steps: readonly SetupStep[];
  conflicts: readonly SetupConflict[];
  notes: readonly SetupNote[];
}>;

type Choice =
  | Readonly<{ kind: 'use'; trunk: Trunk }>
  | Readonly<{ kind: 'create' }>
  | Readonly<{ kind: 'unknown'; sid: string }>
  | Readonly<{ kind: 'conflict'; conflict: SetupConflict }>;

/** Which of the account's trunks is used. */
export const chooseTrunk = (wish: SetupSpec, trunks: readonly Trunk[], owners: readonly TrunkRecord[]): Choice => {
  const ownerOf = ({ sid }: Trunk) => owners.find(({ twilioTrunkSid }) => twilioTrunkSid === sid);
  const candidates = candidatesOf(wish, trunks, ownerOf);
  const [trunk] = candidates;
  if (trunk === undefined) return wish.trunkSid === null ? { kind: 'create' } : { kind: 'unknown', sid: wish.trunkSid };
  if (candidates.length > 1)
    return { kind: 'conflict', conflict: { kind: 'trunk_ambiguous', sids: candidates.map(({ sid }) => sid) } };
  const owner = ownerOf(trunk);
  return owner !== undefined && owner.tenantId !== wish.tenantId
    ? { kind: 'conflict', conflict: { kind: 'trunk_of_other_tenant', sid: trunk.sid } }
    : { kind: 'use', trunk };
};

const candidatesOf = (
  wish: SetupSpec,
  trunks: readonly Trunk[],
  ownerOf: (trunk: Trunk) => TrunkRecord | undefined,
): readonly Trunk[] => {
  if (wish.trunkSid !== null) return trunks.filter(({ sid }) => sid === wish.trunkSid);
  const recorded = trunks.filter((trunk) => {
    const owner = ownerOf(trunk);
    return owner?.tenantId === wish.tenantId && owner.isActive;
  });
  return recorded.length > 0 ? recorded : trunks.filter(({ name }) => name === wish.trunkName);
};

export type SetupFacts = Readonly<{
  trunks: readonly Trunk[];
  owners: readonly TrunkRecord[];
  /** Of the chosen trunk; none where it is to be created. */
  originations: readonly Origination[];
  owned: readonly OwnedNumber[];
}>;

type Part = Readonly<{
  steps?: readonly SetupStep[];
  conflicts?: readonly SetupConflict[];
  notes?: readonly SetupNote[];
}>;

/** The whole plan. `steps` are in the order in which they are to be done; without any, everything is as it should be. */
export const planSetup = (wish: SetupSpec, facts: SetupFacts): SetupPlan => {
  const choice = chooseTrunk(wish, facts.trunks, facts.owners);
  if (choice.kind === 'conflict') return { trunk: null, steps: [], conflicts: [choice.conflict], notes: [] };
  if (choice.kind === 'unknown')
    return { trunk: null, steps: [], conflicts: [], notes: [{ kind: 'trunk_unknown', sid: choice.sid }] };
  const trunk = choice.kind === 'use' ? choice.trunk : { sid: null, name: wish.trunkName };
  const parts: Part[] = [
    trunkPart(wish, facts, trunk),
    originationPart(wish, facts.originations),
    ...wish.numbers.map((known) => numberPart(wish, known, facts.owned, trunk.sid)),
  ];
  return {
    trunk,
    steps: parts.flatMap(({ steps = [] }) => steps),
    conflicts: parts.flatMap(({ conflicts = [] }) => conflicts),
    notes: parts.flatMap(({ notes = [] }) => notes),
  };
};

const trunkPart = (wish: SetupSpec, facts: SetupFacts, trunk: { sid: string | null; name: string }): Part => {
  const own = facts.owners.filter(({ tenantId }) => tenantId === wish.tenantId);
  const gone = own.filter((owner) => owner.isActive && !facts.trunks.some(({ sid }) => sid === owner.twilioTrunkSid));
  const isRecorded = own.some(
    ({ twilioTrunkSid, name, isActive }) => twilioTrunkSid === trunk.sid && name === trunk.name && isActive,
  );
  return {
    steps: [
      ...gone.map(({ twilioTrunkSid }) => ({ kind: 'retire_trunk', trunkSid: twilioTrunkSid }) as const),
      ...(trunk.sid === null ? [{ kind: 'create_trunk', name: trunk.name } as const] : []),
      ...(isRecorded ? [] : [{ kind: 'record_trunk', trunkSid: trunk.sid, name: trunk.name } as const]),
    ],
  };
};

const originationPart = (wish: SetupSpec, originations: readonly Origination[]): Part => {
  const isOurs = ({ sipUri }: Origination) => sipUri.toLowerCase() === wish.sipUri.toLowerCase();
  const ours = originations.find(isOurs);
  const others = originations.filter((other) => other.enabled && !isOurs(other));
  return {
    steps: [
      ...(ours === undefined ? [{ kind: 'create_origination', sipUri: wish.sipUri } as const] : changeStep(ours)),
      ...(wish.otherOrigination === 'disable'
        ? others.map(({ sid, sipUri }) => ({ kind: 'disable_origination', sid, sipUri }) as const)
        : []),
    ],
    conflicts:
      wish.otherOrigination === null
        ? others.map(({ sid, sipUri }) => ({ kind: 'other_origination', sid, sipUri }) as const)
        : [],
  };
};

const changeStep = (ours: Origination): SetupStep[] => {
  const wanted = Object.entries(originationSettings) as [keyof typeof originationSettings, number | boolean][];
  const change = Object.fromEntries(wanted.filter(([setting, value]) => ours[setting] !== value));
  return Object.keys(change).length === 0 ? [] : [{ kind: 'change_origination', sid: ours.sid, from: ours, change }];
};

const numberPart = (
  wish: SetupSpec,
  known: NumberRecord,
  owned: readonly OwnedNumber[],
  trunkSid: string | null,
): Part => {
  const { number } = known;
  const found = owned.find((candidate) => candidate.number === number);
  if (found === undefined) return { notes: [{ kind: 'number_not_in_account', sid: known.providerSid, number }] };
  const { sid, trunkSid: fromTrunkSid, voiceApplicationSid, voiceUrl } = found;
  if (!wish.moveNumbers && fromTrunkSid !== null && fromTrunkSid !== trunkSid)
    return { conflicts: [{ kind: 'number_on_other_trunk', sid, number, trunkSid: fromTrunkSid }] };
  if (!wish.moveNumbers && voiceApplicationSid !== null)
    return { conflicts: [{ kind: 'number_in_application', sid, number, applicationSid: voiceApplicationSid }] };
  if (trunkSid !== null && fromTrunkSid === trunkSid && voiceUrl === '') return {};
  return { steps: [{ kind: 'attach_number', known, sid, fromTrunkSid, voiceUrl }] };
};
