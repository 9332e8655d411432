/** `npm run cli -- sync:livekit`: tells LiveKit of the numbers, by an inbound trunk and a dispatch rule. */
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { loadConfig, requireLivekit, type Config } from '../config.ts';
import { openDb } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import { AppError } from '../errors.ts';
import { applySync } from '../livekit/apply-sync.ts';
import { openSip } from '../livekit/sip.ts';
import { isInSync, planSync, type Change, type Difference, type SyncPlan } from '../livekit/sync.ts';
import { allTrunkNumbers, saveLivekitTrunk, type TrunkNumber } from '../numbers/store.ts';
import type { Command } from './command.ts';

/** Where Twilio's SIP calls come from, as published at twilio.com/docs/sip-trunking/ip-addresses. */
const twilioAddresses = [
  '54.172.60.0/30', // Virginia
  '54.244.51.0/30', // Oregon
  '54.171.127.192/30', // Ireland
  '35.156.191.128/30', // Frankfurt
  '54.65.63.192/30', // Tokyo
  '54.169.127.128/30', // Singapore
  '54.252.254.64/30', // Sydney
  '177.71.206.192/30', // São Paulo
];

const help = `Usage: npm run cli -- sync:livekit [--yes] [--adopt] [--allow ADDRESSES] [--json]

Compares LiveKit with the database and prints what it would change: an inbound SIP trunk with all active numbers, and a
dispatch rule that gives every call of this trunk a room and the agent (AGENT_NAME). It changes only what it made itself.
Nothing is ever deleted. A second run finds nothing to do.

  --yes              makes the changes, unless there is a conflict
  --adopt            takes over the trunk of LIVEKIT_INBOUND_TRUNK_ID, and its rule, although this command didn't make them
  --allow ADDRESSES  from where the trunk takes calls: twilio (the addresses that Twilio calls from), any, or addresses and
                     ranges with commas between (203.0.113.7,198.51.100.0/24). Left out, this stays as it is; a new trunk
                     takes calls from anywhere to its numbers. Twilio's trunks send no user name and password, so the
                     address is the only proof there is; it is none where a proxy stands before a LiveKit of your own,
                     which then sees the proxy's address only.
  --json             prints one line of JSON: {"trunk","rule","record","conflicts","notices","applied","trunkId","ruleId"}

Exit code: 0 LiveKit is as the database says; 2 there are changes to make, with --yes; 1 a conflict, or it failed.`;

const optionsOf = (argv: string[]) =>
  parseArgs({
    args: argv,
    options: {
      yes: { type: 'boolean', default: false },
      adopt: { type: 'boolean', default: false },
      allow: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  }).values;

type Options = ReturnType<typeof optionsOf>;

const isAddress = (text: string): boolean => {
  const [address = '', bits, ...more] = text.split('/');
  const most = isIP(address) === 4 ? 32 : 128;
  return (
    isIP(address) !== 0 && more.length === 0 && (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= most))
  );
};

/** LiveKit ignores what it can't read, and with nothing left takes calls from anywhere: so it is read here. */
const addressesOf = (allow: string | undefined): readonly string[] | null => {
  if (allow === undefined) return null;
  if (allow === 'twilio') return twilioAddresses;
  if (allow === 'any') return [];
  const addresses = allow.split(',').map((address) => address.trim());
  const wrong = addresses.find((address) => !isAddress(address));
  if (wrong === undefined) return addresses;
  throw new AppError('malformed', `--allow takes twilio, any, or addresses such as 198.51.100.0/24: not "${wrong}".`);
};

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

/** Which numbers' records don't say yet what they should of the trunk. */
const unrecorded = (numbers: readonly TrunkNumber[], trunkId: string | null): string[] =>
  numbers
    .filter(({ isActive, livekitTrunkId }) =>
      isActive ? trunkId === null || livekitTrunkId !== trunkId : trunkId !== null && livekitTrunkId === trunkId,
    )
    .map(({ number }) => number);

const planLines = (plan: SyncPlan, record: readonly string[]): string[] => [
  ...changeLines('trunk', plan.trunk),
  ...changeLines('rule ', plan.rule),
  ...(record.length > 0 ? [`record    trunk  in the database, of ${record.join(', ')}`] : []),
  ...plan.conflicts.map(({ code, message }) => `conflict  ${code}: ${message}`),
  ...plan.notices.map((notice) => `note      ${notice}`),
];

const print = (lines: readonly string[]): void => {
  for (const line of lines) console.log(line);
};

type Outcome = Readonly<{
  plan: SyncPlan;
  /** The numbers whose records lack the trunk, or still have it. */
  record: readonly string[];
  applied: boolean;
  trunkId: string | null;
  ruleId: string | null;
}>;

const sync = async (config: Config, options: Options): Promise<Outcome> => {
  const livekit = requireLivekit(config);
  const allowedAddresses = addressesOf(options.allow);
  await using db = await openDb(config.databaseUrl);
  const sip = openSip(livekit);
  const [numbers, trunks, rules] = [await allTrunkNumbers(db), await sip.trunks(), await sip.rules()];
  const plan = planSync(
    { trunks, rules },
    {
      active: numbers.filter(({ isActive }) => isActive).map(({ number }) => number),
      own: numbers.map(({ number }) => number),
      recordedTrunkIds: [...new Set(numbers.flatMap(({ livekitTrunkId }) => livekitTrunkId ?? []))],
      inboundTrunkId: livekit.inboundTrunkId,
      agentName: config.agentName,
      adopt: options.adopt,
      allowedAddresses,
    },
  );
  const record = unrecorded(numbers, plan.trunk.id);
  if (!options.yes || plan.conflicts.length > 0 || (isInSync(plan) && record.length === 0))
    return { plan, record, applied: false, trunkId: plan.trunk.id, ruleId: plan.rule.id };
  const made = await applySync(sip, plan);
  await transaction(db, (tx) => saveLivekitTrunk(tx, { livekitTrunkId: made.trunkId, numbers: plan.spec.active }));
  return { plan, record, applied: true, ...made };
};

/** What the outcome means, and what to do next. */
const closing = (
  { plan, record, applied, trunkId, ruleId }: Outcome,
  config: Config,
): readonly [code: number, line: string] => {
  const isDone = applied || (isInSync(plan) && record.length === 0);
  const variable =
    isDone && config.livekit?.inboundTrunkId !== trunkId
      ? `\nPut LIVEKIT_INBOUND_TRUNK_ID=${trunkId} into the environment and start the service again: it then refuses the calls of other trunks.`
      : '';
  if (plan.conflicts.length > 0) return [1, 'Nothing was changed: settle the conflicts first.'];
  if (applied) return [0, `Done: trunk ${trunkId}, rule ${ruleId}.${variable}`];
  if (isDone) return [0, `Nothing to do: LiveKit is as the database says.${variable}`];
  return [2, 'Nothing was changed: --yes makes these changes.'];
};

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const options = optionsOf(argv);
  const config = loadConfig(env);
  const outcome = await sync(config, options);
  const [code, line] = closing(outcome, config);
  const { plan, ...rest } = outcome;
  const { trunk, rule, conflicts, notices } = plan;
  if (options.json) console.log(JSON.stringify({ trunk, rule, conflicts, notices, ...rest }));
  else print([...planLines(plan, outcome.record), line]);
  return code;
};

export const command: Command = {
  name: 'sync:livekit',
  summary: 'makes the inbound trunk and the dispatch rule in LiveKit as the database says',
  help,
  run,
};
