/** `npm run cli -- caller:erase`: forgets a caller. */
import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { eraseCaller } from '../calls/privacy/erase-caller.ts';
import { loadConfig } from '../config.ts';
import { openDb } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { openLog } from '../log.ts';
import { chooseTenant } from '../tenants/choose-tenant.ts';
import { grantScope } from '../tenants/grant-scope.ts';
import type { Command } from './command.ts';

const help = `Usage: npm run cli -- caller:erase NUMBER --yes [--tenant TENANT] [--json]

Erases a caller of a tenant: their leads, what was said on their calls, the messages that they left, and their number in the
records of their calls. That there were calls, when, and how they ended, stays. It can't be undone. Prints the receipt, which is kept.

  --yes            do it; without it nothing happens
  --tenant TENANT  the tenant's id or name; the only one by default
  --json           prints the receipt as one line of JSON`;

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      yes: { type: 'boolean', default: false },
      tenant: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [caller, ...more] = positionals;
  if (caller === undefined || more.length > 0) throw new AppError('malformed', 'Give one number: caller:erase NUMBER.');
  if (!values.yes) throw new AppError('malformed', 'It cannot be undone: say --yes.');
  const config = loadConfig(env);
  await using db = await openDb(config.databaseUrl);
  const { id: tenantId, name } = await chooseTenant(db, values.tenant ?? null);
  const log = openLog({ ...config.log, level: 'warn' });
  const receipt = await eraseCaller({ db, config, log }, grantScope(tenantId), { caller, by: userInfo().username });
  const { calls, turns, messages, leads } = receipt;
  const told = `Erased for ${name}: ${calls} calls, ${turns} turns, ${messages} messages, ${leads} leads. Receipt ${receipt.id}.`;
  console.log(values.json ? JSON.stringify(receipt) : told);
  return 0;
};

export const command: Command = {
  name: 'caller:erase',
  summary: 'forgets a caller: who they are and what they said',
  help,
  run,
};
