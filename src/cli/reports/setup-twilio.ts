/** What `setup:twilio` tells of its plan: lines for a person, and JSON. */
import type { SetupConflict, SetupNote, SetupPlan, SetupStep } from '../../twilio/setup-plan.ts';

/** A step after "would" or "did"; `trunkSid` once the trunk has one. */
export const stepText = (step: SetupStep, trunkSid: string | null = null): string => {
  switch (step.kind) {
    case 'create_trunk':
      return `create the trunk "${step.name}"${trunkSid === null ? '' : ` (${trunkSid})`}`;
    case 'record_trunk':
      return `record the trunk ${trunkSid ?? step.trunkSid ?? `"${step.name}"`} as the tenant's`;
    case 'retire_trunk':
      return `set the record of the trunk ${step.trunkSid} inactive, which Twilio no longer has`;
    case 'create_origination':
      return `create the origination URL ${step.sipUri} (priority 10, weight 10, enabled)`;
    case 'change_origination':
      return `change the origination URL ${step.sid} (${step.from.sipUri}): ${changeText(step)}`;
    case 'disable_origination':
      return `disable the origination URL ${step.sid} (${step.sipUri})`;
    case 'attach_number':
      return `attach ${step.known.number} (${step.sid})${attachText(step)}`;
  }
};

const changeText = ({ from, change }: Extract<SetupStep, { kind: 'change_origination' }>): string =>
  Object.entries(change)
    .map(([setting, value]) => `${setting} ${String(Reflect.get(from, setting))} → ${String(value)}`)
    .join(', ');

/** The Voice URL is said, since it is gone afterwards. */
const attachText = ({ fromTrunkSid, voiceUrl }: Extract<SetupStep, { kind: 'attach_number' }>): string =>
  [
    fromTrunkSid === null ? '' : `, from the trunk ${fromTrunkSid}`,
    voiceUrl === '' ? '' : `, its Voice URL ${voiceUrl} emptied`,
  ].join('');

/** A conflict, with what settles it. */
export const conflictText = (conflict: SetupConflict): string => {
  switch (conflict.kind) {
    case 'trunk_ambiguous':
      return `conflict: several trunks fit: ${conflict.sids.join(', ')}. Choose one with --trunk.`;
    case 'trunk_of_other_tenant':
      return `conflict: the trunk ${conflict.sid} is recorded for another tenant. Choose another with --trunk, or give a new one a --name.`;
    case 'other_origination':
      return `conflict: the origination URL ${conflict.sid} sends calls to ${conflict.sipUri}. Say --other-origination keep or disable.`;
    case 'number_on_other_trunk':
      return `conflict: ${conflict.number} (${conflict.sid}) is on the trunk ${conflict.trunkSid}. Say --move-numbers, or name the others with --number.`;
    case 'number_in_application':
      return `conflict: the calls of ${conflict.number} (${conflict.sid}) go to the application ${conflict.applicationSid}. Say --move-numbers, or name the others with --number.`;
  }
};

export const noteText = (note: SetupNote): string => {
  switch (note.kind) {
    case 'trunk_unknown':
      return `note: the account has no trunk ${note.sid ?? ''}.`;
    case 'number_not_in_account':
      return `note: ${note.number ?? ''} (${note.sid ?? 'no sid'}) is not in the Twilio account: import:twilio tells more.`;
  }
};

/** The plan as one line of JSON; `trunkSid` is the trunk's, once it has one. */
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
