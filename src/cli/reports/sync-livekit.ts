/** The output of `sync:livekit` for people. */
import type { Config } from '../../config.ts';
import { isInSync, type Change, type Difference, type SyncPlan } from '../../livekit/sync.ts';

export type SyncOutcome = Readonly<{
  plan: SyncPlan;
  /** The numbers whose records must be changed, because they lack the trunk or still have it. */
  record: readonly string[];
  applied: boolean;
  trunkId: string | null;
  ruleId: string | null;
}>;

const valuesOf = (values: readonly string[]): string => (values.length === 0 ? '(not set)' : values.join(', '));

const differenceLine = ({ field, from, to }: Difference): string => {
  if (from.length === 0) return `${field}: ${valuesOf(to)}`;
  if (from.length === 1 && to.length <= 1) return `${field}: ${valuesOf(from)} → ${valuesOf(to)}`;
  const added = to.filter((value) => !from.includes(value));
  const removed = from.filter((value) => !to.includes(value));
  const parts = [
    added.length > 0 ? `adds ${added.join(', ')}` : '',
    removed.length > 0 ? `removes ${removed.join(', ')}` : '',
  ];
  return `${field}: ${parts.filter((part) => part !== '').join('; ')}`;
};

const changeLines = (what: string, { action, id, name, differences }: Change): string[] => [
  `${action.padEnd(8)}  ${what}  ${[id ?? '', name === '' ? '' : `"${name}"`].join(' ').trim()}`,
  ...differences.map((difference) => `            ${differenceLine(difference)}`),
];

export const planLines = (plan: SyncPlan, record: readonly string[]): string[] => [
  ...changeLines('trunk', plan.trunk),
  ...changeLines('rule ', plan.rule),
  ...(record.length > 0 ? [`record    trunk  in the database, for ${record.join(', ')}`] : []),
  ...plan.conflicts.map(({ code, message }) => `conflict  ${code}: ${message}`),
  ...plan.notices.map((notice) => `note      ${notice}`),
];

/** The exit code, and a summary with the next step. */
export const summaryOf = (
  { plan, record, applied, trunkId, ruleId }: SyncOutcome,
  config: Config,
): readonly [code: number, line: string] => {
  const isDone = applied || (isInSync(plan) && record.length === 0);
  const hint =
    isDone && config.livekit?.inboundTrunkId !== trunkId
      ? `\nSet LIVEKIT_INBOUND_TRUNK_ID=${trunkId} and restart the service, so that it rejects calls from other trunks.`
      : '';
  if (plan.conflicts.length > 0) return [1, 'Nothing was changed. Resolve the conflicts first.'];
  if (applied) return [0, `Done: trunk ${trunkId}, rule ${ruleId}.${hint}`];
  if (isDone) return [0, `Nothing to do: LiveKit matches the database.${hint}`];
  return [2, 'Nothing was changed. Add --yes to make these changes.'];
};
