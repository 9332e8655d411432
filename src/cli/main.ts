/** `npm run cli -- COMMAND`: what an operator or developer does by hand. */
import { existsSync } from 'node:fs';
import { AppError, describeError } from '../errors.ts';
import { version } from '../version.ts';
import type { Command } from './command.ts';

/** Loaded when asked for: a command needs little, and the list of them nothing. */
const commands: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  'admin:create': () => import('./admin-create.ts'),
  'caller:erase': () => import('./caller-erase.ts'),
  call: () => import('./call.ts'),
  'call:timing': () => import('./call-timing.ts'),
  'check:campaign': () => import('./check-campaign.ts'),
  'check:inbound': () => import('./check-inbound.ts'),
  'db:migrate': () => import('./db-migrate.ts'),
  'db:seed': () => import('./db-seed.ts'),
  'route:explain': () => import('./route-explain.ts'),
  'import:twilio': () => import('./import-twilio.ts'),
  'setup:twilio': () => import('./setup-twilio.ts'),
  'sync:livekit': () => import('./sync-livekit.ts'),
};

const print = (text: string): void => void process.stdout.write(`${text}\n`);

const printList = async (): Promise<void> => {
  const loaded = await Promise.all(Object.values(commands).map((load) => load()));
  const width = Math.max(...loaded.map(({ command }) => command.name.length));
  const rows = loaded.map(({ command }) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  print(`Usage: npm run cli -- COMMAND [--help]\n\n${rows.join('\n')}`);
};

const isBadArgument = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');

/** The simulated caller's own; its file is loaded only where somebody calls. */
const isCallerError = (error: unknown): boolean => error instanceof Error && error.name === 'CallerError';

const run = async ([name, ...argv]: string[]): Promise<number> => {
  if (name === undefined || name === '--help' || name === 'help') {
    await printList();
    return name === undefined ? 1 : 0;
  }
  if (name === '--version') {
    print(version);
    return 0;
  }
  const load = commands[name];
  if (load === undefined) {
    process.stderr.write(`There is no command ${name}.\n`);
    await printList();
    return 1;
  }
  if (existsSync('.env')) process.loadEnvFile('.env');
  const { command } = await load();
  if (argv.includes('--help')) {
    print(command.help);
    return 0;
  }
  return command.run(argv, process.env);
};

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const isExpected = error instanceof AppError || isBadArgument(error) || isCallerError(error);
  process.stderr.write(`${describeError(error)}\n`);
  if (!isExpected && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exitCode = 1;
}
