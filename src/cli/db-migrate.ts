/** `npm run cli -- db:migrate`: applies pending database migrations. */
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { migrateDb } from '../database/migrate.ts';
import type { Command } from './command.ts';

const help = `Usage: npm run cli -- db:migrate [--json]

Applies all pending migrations to the database of DATABASE_URL (default: file:./dev.db), or none
if one fails. PostgreSQL is migrated only by this command; SQLite also when the service starts.

  --json  print one line of JSON: {"applied":["…"]}`;

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { json } = parseArgs({ args: argv, options: { json: { type: 'boolean', default: false } } }).values;
  const applied = await migrateDb(loadConfig(env).databaseUrl);
  if (json) console.log(JSON.stringify({ applied }));
  else if (applied.length === 0) console.log('The schema is up to date.');
  else for (const name of applied) console.log(`Applied ${name}.`);
  return 0;
};

export const command: Command = {
  name: 'db:migrate',
  summary: 'apply pending database migrations',
  help,
  run,
};
