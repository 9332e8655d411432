/** `npm run cli -- setup:twilio`: configures Twilio to send the calls of a tenant's numbers to LiveKit. */
import { parseArgs } from 'node:util';
import { loadConfig, requireSipUri, requireTwilio, type Config } from '../config.ts';
import { openDb, type Db } from '../database/open.ts';
import { AppError } from '../errors.ts';
import type { NumberRecord } from '../numbers/import-decision.ts';
import { toE164 } from '../numbers/number.ts';
import { recordNumberTrunk, recordTrunk, retireTrunk } from '../numbers/record-trunk.ts';
import { allTrunkRecords, numbersOfTenant } from '../numbers/store.ts';
import { chooseTenant } from '../tenants/choose-tenant.ts';
import { grantScope } from '../tenants/grant-scope.ts';
import type { TenantScope } from '../tenants/scope.ts';
import { openTwilio, type Twilio } from '../twilio/client.ts';
import { applyPlan, planFromAccount, type SetupRecords } from '../twilio/setup.ts';
import type { SetupPlan, SetupStep, SetupSpec } from '../twilio/setup-plan.ts';
import type { Command } from './command.ts';
import { conflictText, jsonOf, noteText, stepText } from './reports/setup-twilio.ts';

const help = `Usage: npm run cli -- setup:twilio [--yes] [--tenant ID|NAME] [--trunk TK…] [--name NAME]
                                   [--number NUMBER]… [--other-origination keep|disable]
                                   [--move-numbers] [--json]

Configures Twilio to send the calls of a tenant's imported numbers to LiveKit: an Elastic SIP trunk
with the origination URL LIVEKIT_SIP_URI (priority 10, weight 10, enabled), the numbers on this
trunk, and empty Voice URLs. Prints the plan; --yes applies it. Never buys or deletes anything.
Existing settings that conflict with the plan are listed, and kept until a flag resolves the
conflict. Safe to run again.

  --yes                           apply the plan
  --tenant ID|NAME                the tenant; required if there are several
  --trunk TK…                     the trunk to use (default: the tenant's recorded trunk, otherwise
                                  the one with the name below, otherwise a new one)
  --name NAME                     the name of the trunk (default: "telephony-agent" and the tenant's name)
  --number NUMBER                 configure only this number; repeat it for more numbers
                                  (default: all active numbers of the tenant)
  --other-origination keep|disable
                                  what to do with other enabled origination URLs of the trunk
  --move-numbers                  also move numbers that are on another trunk or in an application
  --json                          print one line of JSON:
                                  {"applied","accountSid","tenantId","trunk","steps","conflicts","notes"}

Exit code: 0, or 1 if --yes was given but conflicts prevent any change.`;

const optionsOf = (argv: string[]) =>
  parseArgs({
    args: argv,
    options: {
      yes: { type: 'boolean', default: false },
      tenant: { type: 'string' },
      trunk: { type: 'string' },
      name: { type: 'string' },
      number: { type: 'string', multiple: true, default: [] },
      'other-origination': { type: 'string' },
      'move-numbers': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  }).values;
type Options = ReturnType<typeof optionsOf>;

/** Twilio's limit for the name of a trunk. */
const maxNameLength = 64;

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const options = optionsOf(argv);
  const config = loadConfig(env);
  const twilio = openTwilio(requireTwilio(config));
  const sipUri = requireSipUri(config);
  await using db = await openDb(config.databaseUrl);
  const tenant = await chooseTenant(db, options.tenant ?? null);
  const scope = grantScope(tenant.id);
  const spec = specOf(options, { ...config, sipUri, tenant, numbers: await numbersOfTenant(db, scope) });
  const plan = await planFromAccount(twilio, spec, await allTrunkRecords(db));
  const isPossible = plan.trunk !== null && plan.conflicts.length === 0;
  const applies = options.yes && isPossible;
  const print = (line: string): void => void (options.json || console.log(line));
  const trunkSid = applies ? await apply({ db, scope, twilio, print }, plan) : (plan.trunk?.sid ?? null);
  if (!applies) for (const step of plan.steps) print(`would ${stepText(step)}`);
  for (const line of [...plan.conflicts.map(conflictText), ...plan.notes.map(noteText)]) print(line);
  print(summaryOf(plan, { applies, isPossible }));
  if (options.json) console.log(jsonOf(plan, { applied: applies, twilio, tenantId: spec.tenantId, trunkSid }));
  return options.yes && !isPossible ? 1 : 0;
};

const summaryOf = (
  { steps }: SetupPlan,
  { applies, isPossible }: { applies: boolean; isPossible: boolean },
): string => {
  if (!isPossible) return 'Nothing was changed. Resolve the conflicts first.';
  if (steps.length === 0) return 'Nothing to do: Twilio already sends the calls to LiveKit.';
  return applies ? 'Done.' : 'Nothing was changed. Add --yes to make these changes.';
};

type Given = Pick<Config, 'defaultCountry'> &
  Readonly<{ sipUri: string; tenant: { id: string; name: string }; numbers: readonly NumberRecord[] }>;

const specOf = (options: Options, { tenant, numbers, sipUri, defaultCountry }: Given): SetupSpec => {
  const trunkName = options.name ?? `telephony-agent ${tenant.name}`.slice(0, maxNameLength);
  if (trunkName.length > maxNameLength || trunkName.trim() === '')
    throw new AppError('malformed', `--name must be 1 to ${maxNameLength} characters long.`);
  const wanted = options.number.map((number) => toE164(number, defaultCountry) ?? number);
  return {
    tenantId: tenant.id,
    sipUri,
    trunkSid: options.trunk ?? null,
    trunkName,
    numbers: numbersOf(numbers, wanted),
    otherOrigination: otherOriginationOf(options['other-origination']),
    moveNumbers: options['move-numbers'],
  };
};

const otherOriginationOf = (value: string | undefined): SetupSpec['otherOrigination'] => {
  if (value === undefined || value === 'keep' || value === 'disable') return value ?? null;
  throw new AppError('malformed', '--other-origination must be keep or disable.');
};

const numbersOf = (numbers: readonly NumberRecord[], wanted: readonly string[]): NumberRecord[] => {
  if (wanted.some((number) => !numbers.some((known) => known.number === number)))
    throw new AppError('not_found', 'A --number does not belong to the tenant: run import:twilio first.');
  if (wanted.length > 0) return numbers.filter(({ number }) => wanted.includes(number));
  const active = numbers.filter(({ isActive }) => isActive);
  if (active.length > 0) return active;
  throw new AppError('not_found', 'The tenant has no active number: run import:twilio first.');
};

const apply = (
  ctx: { db: Db; scope: TenantScope; twilio: Twilio; print: (line: string) => void },
  plan: SetupPlan,
): Promise<string | null> => {
  const records: SetupRecords = {
    recordTrunk: ({ trunkSid, name }) => recordTrunk(ctx, { twilioTrunkSid: trunkSid, name }),
    retireTrunk: (twilioTrunkSid) => retireTrunk(ctx, twilioTrunkSid),
    recordNumber: (known, trunkSid) => recordNumberTrunk(ctx, { known, trunkSid }),
  };
  const onDone = (step: SetupStep, trunkSid: string): void => ctx.print(`done  ${stepText(step, trunkSid)}`);
  return applyPlan(ctx.twilio, plan, records, onDone);
};

export const command: Command = {
  name: 'setup:twilio',
  summary: "configure Twilio to send a tenant's calls to LiveKit",
  help,
  run,
};
