/** Looks at what is set up at Twilio, and carries a plan out. */
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

/** What the records are told. */
export type SetupRecords = Readonly<{
  recordTrunk: (trunk: { trunkSid: string; name: string }) => Promise<void>;
  retireTrunk: (trunkSid: string) => Promise<void>;
  recordNumber: (known: NumberRecord, trunkSid: string) => Promise<void>;
}>;

/** Makes the plan from what Twilio has now and from our records of trunks. Changes nothing. */
export const planFromAccount = async (
  twilio: Twilio,
  wish: SetupSpec,
  owners: readonly TrunkRecord[],
): Promise<SetupPlan> => {
  const trunks = await twilio.listTrunks();
  const choice = chooseTrunk(wish, trunks, owners);
  const originations = choice.kind === 'use' ? await twilio.listOriginations(choice.trunk.sid) : [];
  const owned = await twilio.listNumbers();
  return planSetup(wish, { trunks, owners, originations, owned });
};

/**
 * Carries a plan out, one step after the other. What fails leaves the steps before it done: the next plan has the rest.
 * @param onDone hears of every step that was done, with the trunk's sid
 * @returns the sid of the trunk
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
