/**
 * Plans the Twilio side of a tenant's inbound calls, so that Twilio sends them to LiveKit. Pure.
 *
 * Glossary
 *   step       a change at Twilio or in our records
 *   conflict   an existing setting that contradicts the plan; nothing is changed until a flag resolves it
 *   note       a problem that this setup cannot fix
 */
import type { NumberRecord } from '../numbers/import-decision.ts';
import type { OwnedNumber } from '../numbers/owned-number.ts';
import type { TrunkRecord } from '../numbers/trunk-record.ts';
import type { Origination, Trunk } from './client.ts';

/** The settings of our origination URL. */
export const originationSettings = { priority: 10, weight: 10, enabled: true } as const;

export type SetupSpec = Readonly<{
  tenantId: string;
  sipUri: string;
  /** The trunk to use (TK…); null: the tenant's recorded trunk, otherwise the one named `trunkName`, otherwise a new one. */
  trunkSid: string | null;
  trunkName: string;
  /** The numbers to attach to the trunk. */
  numbers: readonly NumberRecord[];
  /** What to do with enabled origination URLs to other addresses; null: report a conflict. */
  otherOrigination: 'keep' | 'disable' | null;
  /** Whether numbers may be moved from another trunk or application of the account. */
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
  /** The trunk to use, or null if that is undecided. Its `sid` is null if it must be created. */
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

/** Chooses the trunk to use. */
export const chooseTrunk = (spec: SetupSpec, trunks: readonly Trunk[], owners: readonly TrunkRecord[]): Choice => {
  const ownerOf = ({ sid }: Trunk) => owners.find(({ twilioTrunkSid }) => twilioTrunkSid === sid);
  const candidates = candidatesOf(spec, trunks, ownerOf);
  const [trunk] = candidates;
  if (trunk === undefined) return spec.trunkSid === null ? { kind: 'create' } : { kind: 'unknown', sid: spec.trunkSid };
  if (candidates.length > 1)
    return { kind: 'conflict', conflict: { kind: 'trunk_ambiguous', sids: candidates.map(({ sid }) => sid) } };
  const owner = ownerOf(trunk);
  return owner !== undefined && owner.tenantId !== spec.tenantId
    ? { kind: 'conflict', conflict: { kind: 'trunk_of_other_tenant', sid: trunk.sid } }
    : { kind: 'use', trunk };
};

const candidatesOf = (
  spec: SetupSpec,
  trunks: readonly Trunk[],
  ownerOf: (trunk: Trunk) => TrunkRecord | undefined,
): readonly Trunk[] => {
  if (spec.trunkSid !== null) return trunks.filter(({ sid }) => sid === spec.trunkSid);
  const recorded = trunks.filter((trunk) => {
    const owner = ownerOf(trunk);
    return owner?.tenantId === spec.tenantId && owner.isActive;
  });
  return recorded.length > 0 ? recorded : trunks.filter(({ name }) => name === spec.trunkName);
};

type SetupFacts = Readonly<{
  trunks: readonly Trunk[];
  owners: readonly TrunkRecord[];
  /** Of the chosen trunk; empty if it must be created. */
  originations: readonly Origination[];
  owned: readonly OwnedNumber[];
}>;

type Part = Readonly<{
  steps?: readonly SetupStep[];
  conflicts?: readonly SetupConflict[];
  notes?: readonly SetupNote[];
}>;

/** Creates the plan. `steps` are in order; if there are none, everything is set up. */
export const planSetup = (spec: SetupSpec, facts: SetupFacts): SetupPlan => {
  const choice = chooseTrunk(spec, facts.trunks, facts.owners);
  if (choice.kind === 'conflict') return { trunk: null, steps: [], conflicts: [choice.conflict], notes: [] };
  if (choice.kind === 'unknown')
    return { trunk: null, steps: [], conflicts: [], notes: [{ kind: 'trunk_unknown', sid: choice.sid }] };
  const trunk = choice.kind === 'use' ? choice.trunk : { sid: null, name: spec.trunkName };
  const parts: Part[] = [
    trunkPart(spec, facts, trunk),
    originationPart(spec, facts.originations),
    ...spec.numbers.map((known) => numberPart(spec, known, facts.owned, trunk.sid)),
  ];
  return {
    trunk,
    steps: parts.flatMap(({ steps = [] }) => steps),
    conflicts: parts.flatMap(({ conflicts = [] }) => conflicts),
    notes: parts.flatMap(({ notes = [] }) => notes),
  };
};

const trunkPart = (spec: SetupSpec, facts: SetupFacts, trunk: { sid: string | null; name: string }): Part => {
  const own = facts.owners.filter(({ tenantId }) => tenantId === spec.tenantId);
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

const originationPart = (spec: SetupSpec, originations: readonly Origination[]): Part => {
  const isOurs = ({ sipUri }: Origination) => sipUri.toLowerCase() === spec.sipUri.toLowerCase();
  const ours = originations.find(isOurs);
  const others = originations.filter((other) => other.enabled && !isOurs(other));
  return {
    steps: [
      ...(ours === undefined ? [{ kind: 'create_origination', sipUri: spec.sipUri } as const] : changeStep(ours)),
      ...(spec.otherOrigination === 'disable'
        ? others.map(({ sid, sipUri }) => ({ kind: 'disable_origination', sid, sipUri }) as const)
        : []),
    ],
    conflicts:
      spec.otherOrigination === null
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
  spec: SetupSpec,
  known: NumberRecord,
  owned: readonly OwnedNumber[],
  trunkSid: string | null,
): Part => {
  const { number } = known;
  const found = owned.find((candidate) => candidate.number === number);
  if (found === undefined) return { notes: [{ kind: 'number_not_in_account', sid: known.providerSid, number }] };
  const { sid, trunkSid: fromTrunkSid, voiceApplicationSid, voiceUrl } = found;
  if (!spec.moveNumbers && fromTrunkSid !== null && fromTrunkSid !== trunkSid)
    return { conflicts: [{ kind: 'number_on_other_trunk', sid, number, trunkSid: fromTrunkSid }] };
  if (!spec.moveNumbers && voiceApplicationSid !== null)
    return { conflicts: [{ kind: 'number_in_application', sid, number, applicationSid: voiceApplicationSid }] };
  if (trunkSid !== null && fromTrunkSid === trunkSid && voiceUrl === '') return {};
  return { steps: [{ kind: 'attach_number', known, sid, fromTrunkSid, voiceUrl }] };
};
