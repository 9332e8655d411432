/** `npm run cli -- check:inbound`: why doesn't it ring? Every link of the chain, and what mends it. */
import { parseArgs } from 'node:util';
import { loadConfig, type Config } from '../config.ts';
import { diagnose, diagnoseConfiguration } from '../doctor/diagnose.ts';
import type { Link } from '../doctor/check.ts';
import { look } from '../doctor/probe.ts';
import { AppError } from '../errors.ts';
import { toE164 } from '../numbers/number.ts';
import type { Command } from './command.ts';
import { isFine, linesOf } from './check-inbound-report.ts';

const help = `Usage: npm run cli -- check:inbound [NUMBER] [--json]

Goes along the chain by which a call comes in, and says of each link: ok; or what is wrong, and the one command or step that
mends it. Configuration, database, the number, Twilio's number, trunk and origination URL, LiveKit's trunk and dispatch rule, the
running service, its worker, LiveKit's webhooks, the keys of Deepgram and OpenAI. A link that can't be judged, since one before
it is wrong, is skipped.

It changes nothing, but makes an empty room in LiveKit, waits up to 10 s for its signed event to reach the service at PUBLIC_URL,
and deletes the room. Without PUBLIC_URL the service is looked for on this machine.

  NUMBER  only this number; all active numbers by default
  --json  prints one line of JSON: {"ok","links":[{"link","number","state","code","message","mend"}]},
          with the states ok, wrong and skipped

Exit code: 0 nothing is wrong; 1 something is.`;

const numberOf = (given: string, { defaultCountry }: Pick<Config, 'defaultCountry'>): string => {
  const number = toE164(given, defaultCountry);
  if (number === null) throw new AppError('malformed', `${given} is not a possible telephone number.`);
  return number;
};

const optionsOf = (argv: string[]) => {
  const { values, positionals } = parseArgs({
    args: argv,
    options: { json: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  if (positionals.length > 1) throw new AppError('malformed', 'Give one number at most.');
  return { json: values.json, number: positionals[0] ?? null };
};

type Readable = Readonly<{ config: Config | null; problems: readonly string[] }>;

/** What production forbids is a finding, and no reason to see nothing else. */
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

const linksOf = async ({ config, problems }: Readable, { json, number }: ReturnType<typeof optionsOf>) => {
  if (config === null) return diagnoseConfiguration(problems);
  const asked = number === null ? null : numberOf(number, config);
  const onLooked = (name: string, ms: number): void => {
    if (!json) process.stderr.write(`looked at ${name} (${Math.round(ms)} ms)\n`);
  };
  return diagnose(config, problems, await look(config, { number: asked, onLooked }), asked);
};

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const options = optionsOf(argv);
  const links: readonly Link[] = await linksOf(readConfig(env), options);
  const ok = isFine(links);
  if (options.json) console.log(JSON.stringify({ ok, links }));
  else for (const line of linesOf(links)) console.log(line);
  return ok ? 0 : 1;
};

export const command: Command = {
  name: 'check:inbound',
  summary: "says why a number doesn't ring, link by link, and what mends it",
  help,
  run,
};
