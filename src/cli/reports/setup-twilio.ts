/** The output of `setup:twilio`: lines for people, and JSON. */
import type { SetupConflict, SetupNote, SetupPlan, SetupStep } from '../../twilio/setup-plan.ts';

/** A step, as an imperative. `trunkSid` is null until the trunk exists. */
export const stepText = (step: SetupStep, trunkSid: string | null = null): string => {
  switch (step.kind) {
    case 'create_trunk':
      return `create trunk "${step.name}"${trunkSid === null ? '' : ` (${trunkSid})`}`;
    case 'record_trunk':
      return `record trunk ${trunkSid ?? step.trunkSid ?? `"${step.name}"`} as the tenant's`;
    case 'retire_trunk':
      return `deactivate the record of trunk ${step.trunkSid}, which no longer exists`;
    case 'create_origination':
      return `create origination URL ${step.sipUri} (priority 10, weight 10, enabled)`;
    case 'change_origination':
      return `change origination URL ${step.sid} (${step.from.sipUri}): ${changeText(step)}`;
    case 'disable_origination':
      return `disable origination URL ${step.sid} (${step.sipUri})`;
    case 'attach_number':
      return `attach ${step.known.number} (${step.sid})${attachText(step)}`;
  }
};

const changeText = ({ from, change }: Extract<SetupStep, { kind: 'change_origination' }>): string =>
  Object.entries(change)
    .map(([setting, value]) => `${setting} ${String(Reflect.get(from, setting))} → ${String(value)}`)
    .join(', ');

/** Includes the Voice URL, since it is lost afterwards. */
const attachText = ({ fromTrunkSid, voiceUrl }: Extract<SetupStep, { kind: 'attach_number' }>): string =>
  [
    fromTrunkSid === null ? '' : `, moved from trunk ${fromTrunkSid}`,
    voiceUrl === '' ? '' : `, clear its Voice URL ${voiceUrl}`,
  ].join('');

/** A conflict, and how to resolve it. */
export const conflictText = (conflict: SetupConflict): string => {
  switch (conflict.kind) {
    case 'trunk_ambiguous':
      return `conflict: several trunks match: ${conflict.sids.join(', ')}. Choose one with --trunk.`;
    case 'trunk_of_other_tenant':
      return `conflict: trunk ${conflict.sid} is recorded for another tenant. Choose another one with --trunk, or create one with --name.`;
    case 'other_origination':
      return `conflict: origination URL ${conflict.sid} sends calls to ${conflict.sipUri}. Add --other-origination keep, or disable.`;
    case 'number_on_other_trunk':
      return `conflict: ${conflict.number} (${conflict.sid}) is on trunk ${conflict.trunkSid}. Add --move-numbers, or select the other numbers with --number.`;
    case 'number_in_application':
      return `conflict: ${conflict.number} (${conflict.sid}) is in application ${conflict.applicationSid}. Add --move-numbers, or select the other numbers with --number.`;
  }
};

export const noteText = (note: SetupNote): string => {
  switch (note.kind) {
    case 'trunk_unknown':
      return `note: the account has no trunk ${note.sid ?? ''}.`;
    case 'number_not_in_account':
      return `note: ${note.number ?? ''} (${note.sid ?? 'no SID'}) is not in the Twilio account: see import:twilio.`;
  }
};

/** The plan as one line of JSON. `trunkSid` is null until the trunk exists. */
export const jsonOf = (
  plan: SetupPlan,
  facts: { applied: boolean; twilio: { accountSid: string }; tenantId: string; trunkSid: string | null },
): string =>
  JSON.stringify({
    applied: facts.applied,
    accountSid: facts.twilio.accountSid,
    tenantId: facts.tenantId,
    trunk: plan.trunk === null ? null : { ...plan.trunk, sid: facts.trunkSid },
    steps: plan.steps.map(stepJson),
    conflicts: plan.conflicts,
    notes: plan.notes,
  });

const stepJson = (step: SetupStep): object => {
  if (step.kind !== 'attach_number') return step;
  const { known, ...rest } = step;
  return { ...rest, number: known.number };
};
