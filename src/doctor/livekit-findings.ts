/** What LiveKit does with the calls of a number: its trunk, and the rule that gives them a room and the agent. */
import type { Config } from '../config.ts';
import { comparable, planSync, ruleDifferences, type Difference, type SipState } from '../livekit/sync.ts';
import type { SipRule, SipTrunk } from '../livekit/sip.ts';
import { decide } from '../routing/route.ts';
import { findingOf, ok, skipped, wrong, type Code, type Finding, type LinkName } from './check.ts';
import type { Seen } from './probe-results.ts';

/** The project's own link. */
export const projectFinding = (config: Config, { livekit }: Seen): Finding =>
  livekit.kind === 'seen' ? ok(`${config.livekit?.url ?? ''} answers.`) : (findingOf(livekit) ?? ok(''));

/** The links of a number: the trunk, and the rule. */
export const livekitFindings = (
  config: Config,
  seen: Seen,
  number: string,
): readonly (readonly [LinkName, Finding])[] => {
  if (seen.livekit.kind !== 'seen')
    return (['livekit_trunk', 'dispatch_rule'] as const).map((link) => [link, skipped('LiveKit could not be asked.')]);
  const state = seen.livekit.value;
  const mend = mendOf(config, seen, state);
  const trunk = trunkOf(state.trunks, number);
  if (trunk === null)
    return [
      ['livekit_trunk', lacking(seen, number, mend)],
      ['dispatch_rule', skipped('A trunk has to have the number first.')],
    ];
  return [
    ...trunkFindings(config, seen, { state, trunk, number }).map((finding) => ['livekit_trunk', finding] as const),
    ...ruleFindings(config, state.rules, { trunk, number, mend }).map((finding) => ['dispatch_rule', finding] as const),
  ];
};

/** The trunk that LiveKit takes a call to this number over: the one that names it, else one that takes any. */
const trunkOf = (trunks: readonly SipTrunk[], number: string): SipTrunk | null =>
  trunks.find(({ numbers }) => numbers.some((one) => comparable(one) === number)) ??
  trunks.find(({ numbers }) => numbers.length === 0) ??
  null;

/** What makes LiveKit as the database says: `sync:livekit`, or what that command says is in its way. */
const mendOf = (config: Config, { database }: Seen, state: SipState): string => {
  const command = 'npm run cli -- sync:livekit --yes';
  if (database.kind !== 'seen') return command;
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

const recordOf = ({ database }: Seen, number: string) =>
  database.kind === 'seen' ? database.value.numbers.find((one) => one.number === number)?.record : undefined;

const lacking = (seen: Seen, number: string, mend: string): Finding => {
  const record = recordOf(seen, number);
  if (seen.database.kind === 'seen' && record?.facts.number.isActive !== true)
    return skipped('No trunk has the number, as it should be while it is not active.');
  return wrong('livekit_trunk_lacks_number', 'No inbound trunk of LiveKit has the number.', mend);
};

type OnTrunk = Readonly<{ state: SipState; trunk: SipTrunk; number: string }>;

const trunkFindings = (config: Config, seen: Seen, { state, trunk, number }: OnTrunk): Finding[] => {
  const problems: Finding[] = [];
  if (trunk.allowedCallers.length > 0)
    problems.push(
      wrong(
        'livekit_trunk_for_callers',
        `Trunk ${trunk.id} takes the calls of ${trunk.allowedCallers.length} callers only.`,
        `empty the allowed numbers of trunk ${trunk.id} in LiveKit`,
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
  const decision = decide(query, recordOf(seen, number)?.facts ?? null);
  const isJudged = seen.database.kind === 'seen'; // else it may be the number's own trunk
  const isRefused = isJudged && decision.kind === 'reject' && decision.reason === 'wrong_trunk';
  const isGone = inboundTrunkId !== null && !state.trunks.some(({ id }) => id === inboundTrunkId);
  const mend = `set LIVEKIT_INBOUND_TRUNK_ID=${trunk.id} and start the service again`;
  const differs = `LIVEKIT_INBOUND_TRUNK_ID is ${inboundTrunkId ?? ''}, but the calls come over trunk ${trunk.id}`;
  if (isRefused) problems.push(wrong('trunk_id_differs', `${differs}: the service refuses them.`, mend));
  else if (isGone) problems.push(wrong('trunk_id_differs', `${differs}, and LiveKit has no such trunk.`, mend));
  if (problems.length > 0) return problems;
  return [ok(`Trunk ${trunk.id} ${trunk.numbers.length === 0 ? 'takes calls to any number' : 'has it'}.`)];
};

type ForTrunk = Readonly<{ trunk: SipTrunk; number: string; mend: string }>;

const ruleFindings = (config: Config, rules: readonly SipRule[], { trunk, number, mend }: ForTrunk): Finding[] => {
  const rule = ruleOf(rules, trunk, number);
  if (rule === null) return [wrong('no_rule', `No dispatch rule takes the calls of trunk ${trunk.id}.`, mend)];
  const forAll = wrong(
    'rule_without_trunk',
    `Rule ${rule.id} names no trunk: it takes the calls of every trunk of the project that has no rule of its own.`,
    mend,
  );
  const problems = [
    ...(rule.trunkIds.length === 0 ? [forAll] : []),
    ...ruleDifferences(rule, config.agentName).flatMap((difference) => ruleProblem(rule, difference, mend)),
  ];
  return problems.length > 0 ? problems : [ok(`Rule ${rule.id} gives each call a room and ${config.agentName}.`)];
};

/**
 * The rule by which LiveKit decides, as it chooses: a trunk's own before those without a trunk, then those with a PIN, direct ones,
 * those for few numbers before those for all. Rules for some callers only are left to them.
 */
const ruleOf = (rules: readonly SipRule[], trunk: SipTrunk, number: string): SipRule | null => {
  const rank = (rule: SipRule): number =>
    (rule.trunkIds.length === 0 ? 100_000 : 0) +
    (rule.callers.length === 0 ? 0 : 10_000) +
    (rule.dialled.length === 0 ? 1_000 : 0) +
    (rule.pin === '' ? 100 : 0) +
    (rule.kind === 'direct' ? 0 : 1);
  const fits = rules.filter(
    ({ trunkIds, dialled }) =>
      (trunkIds.length === 0 || trunkIds.includes(trunk.id)) && (dialled.length === 0 || dialled.includes(number)),
  );
  return fits.toSorted((one, other) => rank(one) - rank(other))[0] ?? null;
};

const ruleProblem = (rule: SipRule, { field, from, to }: Difference, mend: string): Finding[] => {
  const found = (code: Code, what: string): Finding[] => [wrong(code, `Rule ${rule.id} ${what}.`, mend)];
  if (field === 'kind' && rule.kind === 'direct') return found('direct_rule', 'puts all calls into one room (direct)');
  if (field === 'kind') return found('shared_room_rule', `lets calls share a room (${rule.kind})`);
  if (field === 'agents') return found('agent_name_wrong', `sends ${agentsText(from)}, not ${to.join(', ')}`);
  if (field === 'pin') return found('rule_asks_pin', 'asks the caller for a PIN');
  if (field === 'callers') return found('rule_for_callers', `takes the calls of ${from.length} callers only`);
  if (field === 'numbers')
    return found('rule_hides_numbers', 'hides the numbers, so that nobody knows whose call it is');
  return []; // for this number among others: its calls are taken
};

const agentsText = (names: readonly string[]): string => (names.length === 0 ? 'nobody' : names.join(', '));
