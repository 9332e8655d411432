/** Findings about how LiveKit routes the calls of a number: its inbound trunk, and the dispatch rule for room and agent. */
import type { Config } from '../config.ts';
import { normalizeNumber, planSync, ruleDifferences, type Difference, type SipState } from '../livekit/sync.ts';
import type { SipRule, SipTrunk } from '../livekit/sip.ts';
import { decide } from '../routing/route.ts';
import { failed, findingOf, ok, skipped, type CheckName, type Finding, type FindingCode } from './check.ts';
import type { ProbeResults } from './probe-results.ts';

export const projectFinding = (config: Config, { livekit }: ProbeResults): Finding =>
  livekit.kind === 'ok' ? ok(`${config.livekit?.url ?? ''} is accessible.`) : findingOf(livekit);

/** Findings about the number's inbound trunk and dispatch rule. */
export const livekitFindings = (
  config: Config,
  probes: ProbeResults,
  number: string,
): readonly (readonly [CheckName, Finding])[] => {
  if (probes.livekit.kind !== 'ok')
    return (['livekit_trunk', 'dispatch_rule'] as const).map((check) => [check, skipped('LiveKit is not accessible.')]);
  const state = probes.livekit.value;
  const fix = fixFor(config, probes, state);
  const trunk = trunkOf(state.trunks, number);
  if (trunk === null)
    return [
      ['livekit_trunk', noTrunkFinding(probes, number, fix)],
      ['dispatch_rule', skipped('No trunk has the number.')],
    ];
  return [
    ...trunkFindings(config, probes, { state, trunk, number }).map((finding) => ['livekit_trunk', finding] as const),
    ...ruleFindings(config, state.rules, { trunk, number, fix }).map((finding) => ['dispatch_rule', finding] as const),
  ];
};

/** The trunk that LiveKit uses for this number: the one that lists it, otherwise one that accepts any number. */
const trunkOf = (trunks: readonly SipTrunk[], number: string): SipTrunk | null =>
  trunks.find(({ numbers }) => numbers.some((one) => normalizeNumber(one) === number)) ??
  trunks.find(({ numbers }) => numbers.length === 0) ??
  null;

/** The `sync:livekit` command, or the first conflict that keeps it from making changes. */
const fixFor = (config: Config, { database }: ProbeResults, state: SipState): string => {
  const command = 'npm run cli -- sync:livekit --yes';
  if (database.kind !== 'ok') return command;
  const { all } = database.value;
  const plan = (adopt: boolean) =>
    planSync(state, {
      active: all.filter(({ isActive }) => isActive).map(({ number }) => number),
      own: all.map(({ number }) => number),
      recordedTrunkIds: [...new Set(all.flatMap(({ livekitTrunkId }) => livekitTrunkId ?? []))],
      inboundTrunkId: config.livekit?.inboundTrunkId ?? null,
      agentName: config.agentName,
      adopt,
      allowedAddresses: null,
    });
  if (plan(false).conflicts.length === 0) return command;
  const [conflict] = plan(true).conflicts;
  return conflict?.message ?? `${command} --adopt`;
};

const recordOf = ({ database }: ProbeResults, number: string) =>
  database.kind === 'ok' ? database.value.numbers.find((one) => one.number === number)?.record : undefined;

const noTrunkFinding = (probes: ProbeResults, number: string, fix: string): Finding => {
  const record = recordOf(probes, number);
  if (probes.database.kind === 'ok' && record?.facts.number.isActive !== true)
    return skipped('The number is inactive, so no trunk needs it.');
  return failed('livekit_trunk_lacks_number', 'No inbound trunk has the number.', fix);
};

type OnTrunk = Readonly<{ state: SipState; trunk: SipTrunk; number: string }>;

const trunkFindings = (config: Config, probes: ProbeResults, { state, trunk, number }: OnTrunk): Finding[] => {
  const problems: Finding[] = [];
  if (trunk.allowedCallers.length > 0)
    problems.push(
      failed(
        'livekit_trunk_restricts_callers',
        `Trunk ${trunk.id} accepts only calls from its ${trunk.allowedCallers.length} allowed numbers.`,
        `Remove the allowed numbers from trunk ${trunk.id} in LiveKit.`,
      ),
    );
  const inboundTrunkId = config.livekit?.inboundTrunkId ?? null;
  const query = {
    trunkId: trunk.id,
    inboundTrunkId,
    fallbackAgent: config.agentName,
    limits: config.limits,
    busy: null,
  };
  const decision = decide(query, recordOf(probes, number)?.facts ?? null);
  // Without the database, the trunk may still be the number's own.
  const isRejected = probes.database.kind === 'ok' && decision.kind === 'reject' && decision.reason === 'wrong_trunk';
  const isGone = inboundTrunkId !== null && !state.trunks.some(({ id }) => id === inboundTrunkId);
  const fix = `Set LIVEKIT_INBOUND_TRUNK_ID=${trunk.id}, then restart the service.`;
  const differs = `Calls arrive on trunk ${trunk.id}, but LIVEKIT_INBOUND_TRUNK_ID is ${inboundTrunkId ?? ''}`;
  if (isRejected) problems.push(failed('trunk_id_differs', `${differs}, so the service rejects them.`, fix));
  else if (isGone) problems.push(failed('trunk_id_differs', `${differs}, which does not exist.`, fix));
  if (problems.length > 0) return problems;
  return [ok(`Trunk ${trunk.id} ${trunk.numbers.length === 0 ? 'accepts calls to any number' : 'has the number'}.`)];
};

type ForTrunk = Readonly<{ trunk: SipTrunk; number: string; fix: string }>;

const ruleFindings = (config: Config, rules: readonly SipRule[], { trunk, number, fix }: ForTrunk): Finding[] => {
  const rule = ruleOf(rules, trunk, number);
  if (rule === null) return [failed('no_rule', `No dispatch rule matches calls on trunk ${trunk.id}.`, fix)];
  const forAll = failed(
    'rule_without_trunk',
    `Rule ${rule.id} is not limited to trunks: it matches calls on every trunk that has no rule of its own.`,
    fix,
  );
  const problems = [
    ...(rule.trunkIds.length === 0 ? [forAll] : []),
    ...ruleDifferences(rule, config.agentName).flatMap((difference) => ruleProblem(rule, difference, fix)),
  ];
  return problems.length > 0
    ? problems
    : [ok(`Rule ${rule.id} creates a room for each call and dispatches ${config.agentName}.`)];
};

/**
 * The rule that LiveKit would use for an ordinary caller. LiveKit prefers rules of the trunk over rules without one, then rules with a
 * PIN, direct rules, and rules for certain numbers. Rules for certain callers come last here, since most callers don't match them.
 */
const ruleOf = (rules: readonly SipRule[], trunk: SipTrunk, number: string): SipRule | null => {
  const rank = (rule: SipRule): number =>
    (rule.trunkIds.length === 0 ? 100_000 : 0) +
    (rule.callers.length === 0 ? 0 : 10_000) +
    (rule.dialed.length === 0 ? 1_000 : 0) +
    (rule.pin === '' ? 100 : 0) +
    (rule.kind === 'direct' ? 0 : 1);
  const fits = rules.filter(
    ({ trunkIds, dialed }) =>
      (trunkIds.length === 0 || trunkIds.includes(trunk.id)) && (dialed.length === 0 || dialed.includes(number)),
  );
  return fits.toSorted((one, other) => rank(one) - rank(other))[0] ?? null;
};

const ruleProblem = (rule: SipRule, { field, from, to }: Difference, fix: string): Finding[] => {
  const found = (code: FindingCode, what: string): Finding[] => [failed(code, `Rule ${rule.id} ${what}.`, fix)];
  if (field === 'kind' && rule.kind === 'direct') return found('direct_rule', 'puts all calls into one room (direct)');
  if (field === 'kind') return found('shared_room_rule', `lets calls share a room (${rule.kind})`);
  if (field === 'agents') return found('agent_name_wrong', `dispatches ${agentsText(from)}, not ${to.join(', ')}`);
  if (field === 'pin') return found('rule_requires_pin', 'asks callers for a PIN');
  if (field === 'callers') return found('rule_restricts_callers', `matches only calls from ${from.length} callers`);
  if (field === 'numbers')
    return found('rule_hides_numbers', 'hides phone numbers, so the service cannot route the call');
  return []; // limited to certain numbers, this one among them
};

const agentsText = (names: readonly string[]): string => (names.length === 0 ? 'no agent' : names.join(', '));
