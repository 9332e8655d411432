/** `npm run cli -- admin:create`: creates an admin, who then creates tenants and their owners through the API. */
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { loadConfig } from '../config.ts';
import { openDb } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { createAdmin } from '../tenants/create-admin.ts';
import { askPassword } from './ask-password.ts';
import type { Command } from './command.ts';

const minLength = 12;
const maxLength = 200;

const help = `Usage: npm run cli -- admin:create --email EMAIL [--name NAME] [--password-stdin] [--json]

Creates an admin in the database of DATABASE_URL. Admins create tenants and their owners through
the API. Prompts for a password of at least ${minLength} characters, without echoing it.

  --email EMAIL     the email address to log in with
  --name NAME       the name of the admin
  --password-stdin  read the password from the first line of standard input
  --json            print one line of JSON: {"id"}`;

const firstLine = (input: string): string => input.split(/\r?\n/, 1)[0] ?? '';

const passwordOf = async (fromStdin: boolean): Promise<string> => {
  if (fromStdin) return firstLine(await text(process.stdin));
  if (!process.stdin.isTTY)
    throw new AppError('malformed', 'Cannot prompt for a password without a terminal: use --password-stdin.');
  const print = (line: string): void => void process.stderr.write(line);
  const password = await askPassword('Password: ', process.stdin, print);
  if ((await askPassword('Repeat password: ', process.stdin, print)) !== password)
    throw new AppError('malformed', 'The passwords do not match.');
  return password;
};

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { values } = parseArgs({
    args: argv,
    options: {
      email: { type: 'string' },
      name: { type: 'string', default: '' },
      'password-stdin': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const email = z.email().safeParse(values.email?.trim());
  if (!email.success) throw new AppError('malformed', 'A valid email address is required: --email you@example.com.');
  const { databaseUrl } = loadConfig(env);
  await using db = await openDb(databaseUrl);
  const password = await passwordOf(values['password-stdin']);
  if (password.length < minLength || password.length > maxLength)
    throw new AppError('malformed', `The password must have ${minLength} to ${maxLength} characters.`);
  const id = await createAdmin({ db }, { email: email.data, name: values.name, password });
  console.log(values.json ? JSON.stringify({ id }) : `Created admin ${email.data}.`);
  return 0;
};

export const command: Command = {
  name: 'admin:create',
  summary: 'create an admin, who can create tenants and their owners',
  help,
  run,
};
