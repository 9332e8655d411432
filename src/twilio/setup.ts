/** Creates a setup plan from the state of a Twilio account, and applies it. */
import type { NumberRecord } from '../numbers/import-decision.ts';
import type { TrunkRecord } from '../numbers/trunk-record.ts';
import type { Twilio } from './client.ts';
import {
  chooseTrunk,
  originationSettings,
  planSetup,
  type SetupPlan,
  type SetupStep,
  type SetupSpec,
} from './setup-plan.ts';

/** Updates our records. */
export type SetupRecords = Readonly<{
  recordTrunk: (trunk: { trunkSid: string; name: string }) => Promise<void>;
  retireTrunk: (trunkSid: string) => Promise<void>;
  recordNumber: (known: NumberRecord, trunkSid: string) => Promise<void>;
}>;

/** Creates the plan from the account and our trunk records. Changes nothing. */
export const planFromAccount = async (
  twilio: Twilio,
  spec: SetupSpec,
  owners: readonly TrunkRecord[],
): Promise<SetupPlan> => {
  const trunks = await twilio.listTrunks();
  const choice = chooseTrunk(spec, trunks, owners);
  const originations = choice.kind === 'use' ? await twilio.listOriginations(choice.trunk.sid) : [];
  const owned = await twilio.listNumbers();
  return planSetup(spec, { trunks, owners, originations, owned });
};

/**
 * Applies the steps of a plan in order. After a failure, the next plan contains the remaining steps.
 * @param onDone called after each step, with the trunk's SID
 * @returns the SID of the trunk
 */
export const applyPlan = async (
  twilio: Twilio,
  plan: SetupPlan,
  records: SetupRecords,
  onDone: (step: SetupStep, trunkSid: string) => void,
): Promise<string | null> => {
  let trunkSid = plan.trunk?.sid ?? null;
  for (const step of plan.steps) {
    if (step.kind === 'create_trunk') trunkSid = (await twilio.createTrunk(step.name)).sid;
    else await applyStep(twilio, step, trunkSid ?? '', records);
    onDone(step, trunkSid ?? '');
  }
  return trunkSid;
};

const applyStep = async (
  twilio: Twilio,
  step: Exclude<SetupStep, { kind: 'create_trunk' }>,
  trunkSid: string,
  records: SetupRecords,
): Promise<void> => {
  switch (step.kind) {
    case 'record_trunk':
      return records.recordTrunk({ trunkSid, name: step.name });
    case 'retire_trunk':
      return records.retireTrunk(step.trunkSid);
    case 'create_origination':
      return twilio.createOrigination(trunkSid, { sipUri: step.sipUri, ...originationSettings });
    case 'change_origination':
      return twilio.changeOrigination(trunkSid, step.sid, step.change);
    case 'disable_origination':
      return twilio.changeOrigination(trunkSid, step.sid, { enabled: false });
    case 'attach_number':
      await twilio.attachNumber(step.sid, trunkSid);
      return records.recordNumber(step.known, trunkSid);
  }
};
