/** `npm run cli -- db:migrate`: brings the database's schema up to date. */
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { migrateDb } from '../database/migrate.ts';
import type { Command } from './command.ts';

const help = `Usage: npm run cli -- db:migrate [--json]

Applies to the database that DATABASE_URL names (file:./dev.db) the migrations that it lacks: all or, when one fails, none.
SQLite is migrated by itself when the service starts; PostgreSQL only by this command.

  --json   prints the names of the applied migrations as one line of JSON: {"applied":[…]}`;

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
  summary: "brings the database's schema up to date",
  help,
  run,
};
