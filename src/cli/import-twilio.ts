/** `npm run cli -- import:twilio`: imports the numbers of the Twilio account. */
import { parseArgs } from 'node:util';
import { chooseCampaign } from '../campaigns/choose-campaign.ts';
import { loadConfig, requireTwilio } from '../config.ts';
import { openDb, type Db } from '../database/open.ts';
import { skipReasonTexts, type ImportTarget } from '../numbers/import-decision.ts';
import { importNumbers, type ImportOutcome } from '../numbers/import-numbers.ts';
import { chooseTenant } from '../tenants/choose-tenant.ts';
import { grantScope } from '../tenants/grant-scope.ts';
import { openTwilio } from '../twilio/client.ts';
import type { Command } from './command.ts';

const help = `Usage: npm run cli -- import:twilio [--tenant ID|NAME] [--campaign ID|NAME] [--deactivate-missing] [--dry-run] [--json]

Imports all numbers of the Twilio account (TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN) for a tenant, and
reports for each number whether it was created, updated, unchanged, skipped or missing. Safe to run
again at any time. Changes nothing at Twilio, never takes a number from another tenant, and never
activates an inactive number.

  --tenant ID|NAME      the tenant that gets the numbers; required if there are several tenants
  --campaign ID|NAME    assign this campaign of the tenant to numbers that have none
  --deactivate-missing  deactivate numbers that were imported from this account, but are no longer in it
  --dry-run             print what would be done, without doing it
  --json                print one line of JSON:
                        {"accountSid","tenantId","campaignId","dryRun","counts","numbers"}`;

const optionsOf = (argv: string[]) =>
  parseArgs({
    args: argv,
    options: {
      tenant: { type: 'string' },
      campaign: { type: 'string' },
      'deactivate-missing': { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  }).values;

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const options = optionsOf(argv);
  const config = loadConfig(env);
  const twilio = openTwilio(requireTwilio(config));
  await using db = await openDb(config.databaseUrl);
  const target = await targetOf(db, { ...options, accountSid: twilio.accountSid });
  const dryRun = options['dry-run'];
  const numbers = await importNumbers(
    { db },
    { owned: await twilio.listNumbers(), target, dryRun, deactivateMissing: options['deactivate-missing'] },
  );
  const counts = countsOf(numbers);
  if (options.json) console.log(jsonOf(target, { dryRun, counts, numbers }));
  else printReport(numbers, counts, dryRun);
  return 0;
};

const targetOf = async (
  db: Db,
  options: { tenant?: string | undefined; campaign?: string | undefined; accountSid: string },
): Promise<ImportTarget> => {
  const { accountSid, tenant, campaign } = options;
  const scope = grantScope((await chooseTenant(db, tenant ?? null)).id);
  const chosen = campaign === undefined ? null : await chooseCampaign(db, scope, campaign);
  return { accountSid, scope, campaignId: chosen?.id ?? null };
};

const jsonOf = (
  { accountSid, scope, campaignId }: ImportTarget,
  report: { dryRun: boolean; counts: Counts; numbers: readonly ImportOutcome[] },
): string => JSON.stringify({ accountSid, tenantId: scope.tenantId, campaignId, ...report });

type Counts = Readonly<Record<ImportOutcome['outcome'], number>>;

const countsOf = (outcomes: readonly ImportOutcome[]): Counts => {
  const counts = { created: 0, updated: 0, unchanged: 0, skipped: 0, missing: 0, deactivated: 0 };
  for (const { outcome } of outcomes) counts[outcome]++;
  return counts;
};

const printReport = (outcomes: readonly ImportOutcome[], counts: Counts, dryRun: boolean): void => {
  for (const outcome of outcomes)
    console.log(`${outcome.number.padEnd(16)}  ${outcome.outcome.padEnd(11)}  ${remarksOf(outcome)}`.trimEnd());
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  const summary = parts.map(([outcome, count]) => `${count} ${outcome}`).join(', ');
  console.log(outcomes.length === 0 ? 'The account has no numbers.' : `${summary}.`);
  if (dryRun) console.log('Dry run: nothing was changed.');
};

const remarksOf = ({ outcome, sid, changes, skipReason, isActive }: ImportOutcome): string =>
  [
    sid,
    changes.length > 0 ? `(${changes.join(', ')})` : null,
    skipReason === null ? null : skipReasonTexts[skipReason],
    outcome === 'missing' ? 'no longer in the account; deactivate it with --deactivate-missing' : null,
    isActive === false && outcome !== 'deactivated' ? '(inactive)' : null,
  ]
    .filter((part) => part !== null)
    .join(' ');

export const command: Command = {
  name: 'import:twilio',
  summary: 'import the numbers of the Twilio account',
  help,
  run,
};
