/** `npm run cli -- admin:create`: the first user of an installation, who makes the tenants and their owners. */
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { loadConfig } from '../config.ts';
import { openDb } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { createAdmin } from '../tenants/create-admin.ts';
import { askPassword } from './ask-password.ts';
import type { Command } from './command.ts';

const shortest = 12;
const longest = 200;

const help = `Usage: npm run cli -- admin:create --email EMAIL [--name NAME] [--password-stdin] [--json]

Makes an admin of the installation in the database that DATABASE_URL names. An admin makes tenants and their owners over the
API. The password is asked for on the terminal, which doesn't show it; it has ${shortest} characters or more.

  --email EMAIL     with which the admin logs in
  --name NAME       how the admin is called
  --password-stdin  takes the password from the standard input instead: its first line
  --json            prints the user's id as one line of JSON: {"id":"…"}`;

const firstLine = (input: string): string => input.split(/\r?\n/, 1)[0] ?? '';

const passwordOf = async (fromStdin: boolean): Promise<string> => {
  if (fromStdin) return firstLine(await text(process.stdin));
  if (!process.stdin.isTTY)
    throw new AppError('malformed', 'There is no terminal to ask for the password: use --password-stdin.');
  const print = (line: string): void => void process.stderr.write(line);
  const password = await askPassword('Password: ', process.stdin, print);
  if ((await askPassword('Once more: ', process.stdin, print)) !== password)
    throw new AppError('malformed', 'The two passwords are not the same.');
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
  if (!email.success) throw new AppError('malformed', 'Give the e-mail address: --email you@example.com.');
  const { databaseUrl } = loadConfig(env);
  await using db = await openDb(databaseUrl);
  const password = await passwordOf(values['password-stdin']);
  if (password.length < shortest || password.length > longest)
    throw new AppError('malformed', `The password must have ${shortest} to ${longest} characters.`);
  const id = await createAdmin({ db }, { email: email.data, name: values.name, password });
  console.log(values.json ? JSON.stringify({ id }) : `Created the admin ${email.data}.`);
  return 0;
};

export const command: Command = {
  name: 'admin:create',
  summary: 'makes an admin of the installation, who makes tenants and their owners',
  help,
  run,
};
