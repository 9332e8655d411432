/** Applies a sync plan to LiveKit. */
import type { RuleSpec, Sip } from './sip.ts';
import type { SyncPlan } from './sync.ts';

/**
 * Applies the trunk first, then its rule. If the rule fails, the next plan recognizes the trunk as managed.
 * @returns the trunk's and the rule's ids
 * @throws AppError `livekit_unavailable` if LiveKit rejects a change; Error if the plan has conflicts
 */
export const applySync = async (sip: Sip, plan: SyncPlan): Promise<{ trunkId: string; ruleId: string }> => {
  if (plan.conflicts.length > 0) throw new Error('a plan with conflicts cannot be applied');
  const trunkId = await applyTrunk(sip, plan);
  return { trunkId, ruleId: await applyRule(sip, plan, trunkId) };
};

const applyTrunk = async (sip: Sip, { trunk, spec }: SyncPlan): Promise<string> => {
  const metadata = JSON.stringify(trunk.metadata);
  const wanted = { name: trunk.name, numbers: spec.active, allowedAddresses: spec.allowedAddresses, metadata };
  if (trunk.id === null) return sip.createTrunk(wanted);
  if (trunk.action !== 'keep') await sip.updateTrunk(trunk.id, wanted);
  return trunk.id;
};

const applyRule = async (sip: Sip, { rule, spec }: SyncPlan, trunkId: string): Promise<string> => {
  const wanted: RuleSpec = {
    name: rule.name,
    trunkIds: [...rule.otherTrunkIds, trunkId],
    agentName: spec.agentName,
    metadata: JSON.stringify({ ...rule.metadata, trunkId }),
  };
  if (rule.id === null) return sip.createRule(wanted);
  if (rule.action !== 'keep') await sip.updateRule(rule.id, wanted);
  return rule.id;
};
