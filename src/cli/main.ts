/** `npm run cli -- COMMAND`: administration and diagnosis from the command line. */
import { existsSync } from 'node:fs';
import { AppError, describeError } from '../errors.ts';
import { version } from '../version.ts';
import type { Command } from './command.ts';

type Load = () => Promise<{ command: Command }>;

/** Commands are loaded on demand: each needs only a part of the product. */
const groups: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'Set up': {
    'db:migrate': () => import('./db-migrate.ts'),
    'db:seed': () => import('./db-seed.ts'),
    'admin:create': () => import('./admin-create.ts'),
    'import:twilio': () => import('./import-twilio.ts'),
    'setup:twilio': () => import('./setup-twilio.ts'),
    'sync:livekit': () => import('./sync-livekit.ts'),
  },
  'Check and diagnose': {
    'check:inbound': () => import('./check-inbound.ts'),
    'check:campaign': () => import('./check-campaign.ts'),
    'route:explain': () => import('./route-explain.ts'),
    'call:timing': () => import('./call-timing.ts'),
  },
  Develop: {
    call: () => import('./call.ts'),
  },
  Privacy: {
    'caller:erase': () => import('./caller-erase.ts'),
  },
};
const commands = Object.fromEntries(Object.values(groups).flatMap((group) => Object.entries(group)));

const usageOf = async (): Promise<string> => {
  const width = Math.max(...Object.keys(commands).map(({ length }) => length));
  const sections = Object.entries(groups).map(async ([title, group]) => {
    const loaded = await Promise.all(Object.values(group).map((load) => load()));
    const rows = loaded.map(({ command }) => `  ${command.name.padEnd(width)}  ${command.summary}`);
    return [`${title}:`, ...rows, ''].join('\n');
  });
  return [
    'Usage: npm run cli -- COMMAND [OPTIONS]\n',
    ...(await Promise.all(sections)),
    'Options:',
    `  ${'-h, --help'.padEnd(width)}  print this list, or the help of a command: npm run cli -- COMMAND --help`,
    `  ${'--version'.padEnd(width)}  print the version\n`,
    'Commands read their configuration from the environment and from .env.',
  ].join('\n');
};

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const printError = (text: string): void => void process.stderr.write(`${text}\n`);

const isHelp = (argument: string): boolean => argument === '--help' || argument === '-h';

const isBadArgument = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');

/** Recognized by name, so that the simulated caller is loaded only by the commands that use it. */
const isCallerError = (error: unknown): boolean => error instanceof Error && error.name === 'CallerError';

const runCommand = async (load: Load, argv: string[]): Promise<number> => {
  const { command } = await load();
  if (argv.some(isHelp)) {
    print(command.help);
    return 0;
  }
  if (existsSync('.env')) process.loadEnvFile('.env');
  try {
    return await command.run(argv, process.env);
  } catch (error) {
    if (!isBadArgument(error)) throw error;
    printError(`${describeError(error)}\nSee: npm run cli -- ${command.name} --help`);
    return 1;
  }
};

const run = async ([name, ...argv]: string[]): Promise<number> => {
  if (name === '--version') {
    print(version);
    return 0;
  }
  if (name === 'help' || (name !== undefined && isHelp(name))) {
    print(await usageOf());
    return 0;
  }
  const load = name === undefined ? undefined : commands[name];
  if (load !== undefined) return runCommand(load, argv);
  printError(name === undefined ? await usageOf() : `Unknown command: ${name}\nSee: npm run cli -- --help`);
  return 1;
};

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const isExpected = error instanceof AppError || isCallerError(error);
  printError(describeError(error));
  if (!isExpected && error instanceof Error) printError(error.stack ?? '');
  process.exitCode = 1;
}
