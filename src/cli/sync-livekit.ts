/** `npm run cli -- sync:livekit`: creates and updates LiveKit's inbound trunk and dispatch rule. */
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { loadConfig, requireLivekit, type Config } from '../config.ts';
import { openDb } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import { AppError } from '../errors.ts';
import { applySync } from '../livekit/apply-sync.ts';
import { openSip } from '../livekit/sip.ts';
import { isInSync, planSync } from '../livekit/sync.ts';
import { allTrunkNumbers, saveLivekitTrunk, type TrunkNumber } from '../numbers/store.ts';
import type { Command } from './command.ts';
import { planLines, summaryOf, type SyncOutcome } from './reports/sync-livekit.ts';

/** The addresses of Twilio's SIP signaling, as published at https://www.twilio.com/docs/sip-trunking/ip-addresses. */
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

Brings LiveKit in line with the database: an inbound SIP trunk with all active numbers, and a
dispatch rule that creates a room for every call on this trunk and dispatches the agent
(AGENT_NAME). Prints the changes; --yes makes them. Changes only what it created, deletes nothing,
and is safe to run again.

  --yes              make the changes, unless there is a conflict
  --adopt            also manage the trunk of LIVEKIT_INBOUND_TRUNK_ID and its rule, although this
                     command did not create them
  --allow ADDRESSES  the addresses that the trunk accepts calls from: twilio (Twilio's SIP
                     addresses), any, or a comma-separated list of addresses and ranges, such as
                     203.0.113.7,198.51.100.0/24 (default: unchanged; any for a new trunk).
                     Twilio's trunks don't authenticate, so the source address is the only
                     protection. It protects nothing if a self-hosted LiveKit is behind a proxy.
  --json             print one line of JSON:
                     {"trunk","rule","record","conflicts","notices","applied","trunkId","ruleId"}

Exit code: 0 if LiveKit matches the database, 2 if changes are pending, 1 on a conflict or an error.`;

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
  const maxBits = isIP(address) === 4 ? 32 : 128;
  return (
    isIP(address) !== 0 && more.length === 0 && (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= maxBits))
  );
};

/** Validated here, because LiveKit ignores invalid entries, and accepts calls from anywhere if none is left. */
const addressesOf = (allow: string | undefined): readonly string[] | null => {
  if (allow === undefined) return null;
  if (allow === 'twilio') return twilioAddresses;
  if (allow === 'any') return [];
  const addresses = allow.split(',').map((address) => address.trim());
  const invalid = addresses.find((address) => !isAddress(address));
  if (invalid === undefined) return addresses;
  throw new AppError(
    'malformed',
    `Invalid --allow "${invalid}": use twilio, any, or addresses such as 198.51.100.0/24.`,
  );
};

/** The numbers whose records don't reflect the trunk yet. */
const unrecorded = (numbers: readonly TrunkNumber[], trunkId: string | null): string[] =>
  numbers
    .filter(({ isActive, livekitTrunkId }) =>
      isActive ? trunkId === null || livekitTrunkId !== trunkId : trunkId !== null && livekitTrunkId === trunkId,
    )
    .map(({ number }) => number);

const sync = async (config: Config, options: Options): Promise<SyncOutcome> => {
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
  const applied = await applySync(sip, plan);
  await transaction(db, (tx) => saveLivekitTrunk(tx, { livekitTrunkId: applied.trunkId, numbers: plan.spec.active }));
  return { plan, record, applied: true, ...applied };
};

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const options = optionsOf(argv);
  const config = loadConfig(env);
  const outcome = await sync(config, options);
  const [code, line] = summaryOf(outcome, config);
  const { plan, ...rest } = outcome;
  const { trunk, rule, conflicts, notices } = plan;
  if (options.json) console.log(JSON.stringify({ trunk, rule, conflicts, notices, ...rest }));
  else for (const each of [...planLines(plan, outcome.record), line]) console.log(each);
  return code;
};

export const command: Command = {
  name: 'sync:livekit',
  summary: "create or update LiveKit's inbound trunk and dispatch rule",
  help,
  run,
};
