/** `npm run cli -- caller:erase`: erases a caller's personal data. */
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

Erases a caller's personal data at a tenant: their leads, the transcripts of their calls, the
messages they left, and their number in the call log. The log still shows that there were calls,
when, and how they ended. Cannot be undone. Prints a receipt, which is also stored.

  --yes            confirm; without it, nothing is erased
  --tenant TENANT  the tenant's id or name; required if there are several tenants
  --json           print the receipt as one line of JSON`;

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
  if (caller === undefined || more.length > 0)
    throw new AppError('malformed', 'Exactly one number is required: caller:erase NUMBER.');
  if (!values.yes) throw new AppError('malformed', 'Erasure cannot be undone: add --yes to confirm.');
  const config = loadConfig(env);
  await using db = await openDb(config.databaseUrl);
  const { id: tenantId, name } = await chooseTenant(db, values.tenant ?? null);
  const log = openLog({ ...config.log, level: 'warn' });
  const receipt = await eraseCaller({ db, config, log }, grantScope(tenantId), { caller, by: userInfo().username });
  const { calls, turns, messages, leads } = receipt;
  const summary = `Erased from ${name}: ${calls} calls, ${turns} turns, ${messages} messages, ${leads} leads. Receipt ${receipt.id}.`;
  console.log(values.json ? JSON.stringify(receipt) : summary);
  return 0;
};

export const command: Command = {
  name: 'caller:erase',
  summary: "erase a caller's personal data",
  help,
  run,
};
