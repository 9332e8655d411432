/** `npm run cli -- db:seed`: makes the sample data. */
import { parseArgs } from 'node:util';
import { sampleNumber, seed } from '../local/seed.ts';
import { loadConfig } from '../config.ts';
import { openDb } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { toE164 } from '../numbers/number.ts';
import type { Command } from './command.ts';

const help = `Usage: npm run cli -- db:seed [--json]

Makes a sample tenant with a number, an active campaign and a default agent in the database that DATABASE_URL names
(file:./dev.db). The number is TWILIO_PHONE_NUMBER, else ${sampleNumber}. What exists already is left as it is, so it may be
run again.

  --json   prints what was done as one line of JSON: {"steps":[{"record","action","id","label"},…]}`;

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { json } = parseArgs({ args: argv, options: { json: { type: 'boolean', default: false } } }).values;
  const { databaseUrl, phoneNumber, defaultCountry } = loadConfig(env);
  const number = toE164(phoneNumber ?? sampleNumber, defaultCountry);
  if (number === null) {
    throw new AppError('config_invalid', `TWILIO_PHONE_NUMBER must be a telephone number such as ${sampleNumber}.`);
  }
  await using db = await openDb(databaseUrl);
  const steps = await seed(db, { number });
  if (json) console.log(JSON.stringify({ steps }));
  else for (const { action, record, label } of steps) console.log(`${action.padEnd(7)}  ${record.padEnd(8)}  ${label}`);
  return 0;
};

export const command: Command = {
  name: 'db:seed',
  summary: 'makes sample data: a tenant with a number, a campaign and an agent',
  help,
  run,
};
