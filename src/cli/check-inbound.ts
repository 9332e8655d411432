/** `npm run cli -- check:inbound`: checks everything that an inbound call depends on. */
import { parseArgs } from 'node:util';
import { loadConfig, type Config } from '../config.ts';
import { diagnose, diagnoseConfiguration } from '../doctor/diagnose.ts';
import { runProbes } from '../doctor/probe.ts';
import { AppError } from '../errors.ts';
import { toE164 } from '../numbers/number.ts';
import type { Command } from './command.ts';
import { linesOf } from './reports/check-inbound.ts';

const help = `Usage: npm run cli -- check:inbound [NUMBER] [--json]

Checks everything that an inbound call depends on: the configuration and the database; the number
and its campaign; the number, trunk and origination URL at Twilio; LiveKit's inbound trunk and
dispatch rule; the running service, its worker, and LiveKit's webhooks; the keys of Deepgram and
OpenAI. For each failed check, prints the command or step that fixes it. Checks that depend on a
failed one are skipped.

Changes nothing, except that it creates an empty LiveKit room, waits up to 10 s for the room's
signed event to reach the service at PUBLIC_URL, and deletes the room. Without PUBLIC_URL, the
service is expected on this machine.

  NUMBER  check only this number (default: all active numbers)
  --json  print one line of JSON:
          {"ok","checks":[{"check","number","state":"ok|failed|skipped","code","message","fix"}]}

Exit code: 0 if no check failed, otherwise 1.`;

const numberOf = (given: string, { defaultCountry }: Pick<Config, 'defaultCountry'>): string => {
  const number = toE164(given, defaultCountry);
  if (number === null) throw new AppError('malformed', `Not a phone number: ${given}`);
  return number;
};

const optionsOf = (argv: string[]) => {
  const { values, positionals } = parseArgs({
    args: argv,
    options: { json: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  if (positionals.length > 1) throw new AppError('malformed', 'check:inbound takes at most one number.');
  return { json: values.json, number: positionals[0] ?? null };
};

type Readable = Readonly<{ config: Config | null; problems: readonly string[] }>;

/** If only production mode rejects the configuration, the errors are findings, and the other checks still run. */
const readConfig = (env: NodeJS.ProcessEnv): Readable => {
  try {
    return { config: loadConfig(env), problems: [] };
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'config_invalid')) throw error;
    const problems = error.message.split('\n');
    return { config: env.NODE_ENV === undefined ? null : outsideProduction(env), problems };
  }
};

const outsideProduction = (env: NodeJS.ProcessEnv): Config | null =>
  readConfig(Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'NODE_ENV'))).config;

const check = async ({ config, problems }: Readable, { json, number }: ReturnType<typeof optionsOf>) => {
  if (config === null) return diagnoseConfiguration(problems);
  const requested = number === null ? null : numberOf(number, config);
  const onProbed = (name: string, ms: number): void => {
    if (!json) process.stderr.write(`Checked ${name} (${Math.round(ms)} ms)\n`);
  };
  return diagnose(config, problems, await runProbes(config, { number: requested, onProbed }), requested);
};

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const options = optionsOf(argv);
  const checks = await check(readConfig(env), options);
  const ok = checks.every(({ state }) => state !== 'failed');
  if (options.json) console.log(JSON.stringify({ ok, checks }));
  else for (const line of linesOf(checks)) console.log(line);
  return ok ? 0 : 1;
};

export const command: Command = {
  name: 'check:inbound',
  summary: 'check everything an inbound call depends on, and print fixes',
  help,
  run,
};
