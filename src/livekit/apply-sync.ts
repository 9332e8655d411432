/** Makes LiveKit's trunk and rule as a plan says. */
import type { RuleSpec, Sip } from './sip.ts';
import type { SyncPlan } from './sync.ts';

/**
 * Makes it so: the trunk, then its rule. What fails in between is found as ours by the next plan.
 * @returns the trunk's and the rule's ids
 * @throws AppError `livekit_unavailable` where LiveKit refuses; an Error where the plan has conflicts
 */
export const applySync = async (sip: Sip, plan: SyncPlan): Promise<{ trunkId: string; ruleId: string }> => {
  if (plan.conflicts.length > 0) throw new Error('a plan with conflicts is not applied');
  const trunkId = await applyTrunk(sip, plan);
  return { trunkId, ruleId: await applyRule(sip, plan, trunkId) };
};

const applyTrunk = async (sip: Sip, { trunk, spec: wish }: SyncPlan): Promise<string> => {
  const metadata = JSON.stringify(trunk.metadata);
  const wanted = { name: trunk.name, numbers: wish.active, allowedAddresses: wish.allowedAddresses, metadata };
  if (trunk.id === null) return sip.createTrunk(wanted);
  if (trunk.action !== 'keep') await sip.updateTrunk(trunk.id, wanted);
  return trunk.id;
};

const applyRule = async (sip: Sip, { rule, spec: wish }: SyncPlan, trunkId: string): Promise<string> => {
  const wanted: RuleSpec = {
    name: rule.name,
    trunkIds: [...rule.otherTrunkIds, trunkId],
    agentName: wish.agentName,
    metadata: JSON.stringify({ ...rule.metadata, trunkId }),
  };
  if (rule.id === null) return sip.createRule(wanted);
  if (rule.action !== 'keep') await sip.updateRule(rule.id, wanted);
  return rule.id;
};
