/** `npm run cli -- db:seed`: creates sample data. */
import { parseArgs } from 'node:util';
import { sampleNumber, seed } from '../local/seed.ts';
import { loadConfig } from '../config.ts';
import { openDb } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { toE164 } from '../numbers/number.ts';
import type { Command } from './command.ts';

const help = `Usage: npm run cli -- db:seed [--json]

Creates a sample tenant with a number, an active campaign and a default agent in the database of
DATABASE_URL (default: file:./dev.db). The number is TWILIO_PHONE_NUMBER (default: ${sampleNumber}).
Existing records are kept, so it is safe to run again.

  --json  print one line of JSON: {"steps":[{"record","action","id","label"}]}`;

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { json } = parseArgs({ args: argv, options: { json: { type: 'boolean', default: false } } }).values;
  const { databaseUrl, phoneNumber, defaultCountry } = loadConfig(env);
  const number = toE164(phoneNumber ?? sampleNumber, defaultCountry);
  if (number === null) {
    throw new AppError('config_invalid', `TWILIO_PHONE_NUMBER must be a phone number such as ${sampleNumber}.`);
  }
  await using db = await openDb(databaseUrl);
  const steps = await seed(db, { number });
  if (json) console.log(JSON.stringify({ steps }));
  else for (const { action, record, label } of steps) console.log(`${action.padEnd(7)}  ${record.padEnd(8)}  ${label}`);
  return 0;
};

export const command: Command = {
  name: 'db:seed',
  summary: 'create sample data: a tenant with a number, a campaign and an agent',
  help,
  run,
};
