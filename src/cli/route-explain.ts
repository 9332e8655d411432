/** `npm run cli -- route:explain`: what would become of a call, and why. */
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { openDb } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { explainRoute, type Explanation } from '../calls/preview/explain-route.ts';
import type { Command } from './command.ts';

const help = `Usage: npm run cli -- route:explain --to NUMBER [--from NUMBER] [--at TIME] [--trunk TRUNK] [--json]

Says who would answer a call, and every reason: number, tenant, campaign, its version, agent, and the prompt as it would be.
Nothing is written. How busy a running service is isn't known here.

  --to NUMBER    the number that is dialled
  --from NUMBER  the caller; withheld by default
  --at TIME      when, such as 2026-01-31T18:00:00Z; now by default
  --trunk TRUNK  over which of LiveKit's trunks the call comes (ST_…)
  --json         prints the explanation as one line of JSON

Exits with 1 where the call would be refused.`;

const timeOf = (text: string | undefined): Date => {
  const at = text === undefined ? new Date() : new Date(text);
  if (Number.isNaN(at.getTime())) throw new AppError('malformed', 'Give the time like 2026-01-31T18:00:00Z.');
  return at;
};

const linesOf = (told: Explanation): string[] => [
  told.decision === 'accept' ? `${told.agentName ?? ''} takes the call.` : `Refused: ${told.rejectReason ?? ''}.`,
  ...told.reasons.map((reason) => `  - ${reason}`),
  ...(told.prompt === null ? [] : ['', 'Prompt:', told.prompt, '', `Greeting: ${told.greeting ?? ''}`]),
];

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { values } = parseArgs({
    args: argv,
    options: {
      to: { type: 'string' },
      from: { type: 'string', default: '' },
      at: { type: 'string' },
      trunk: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { to, from, trunk } = values;
  if (to === undefined) throw new AppError('malformed', 'Give the number that is dialled: --to NUMBER.');
  const at = timeOf(values.at);
  const config = loadConfig(env);
  await using db = await openDb(config.databaseUrl);
  const ctx = { db, config, now: () => at, busy: () => null };
  const told = await explainRoute(ctx, null, { to, from, trunkId: trunk ?? null, at });
  console.log(values.json ? JSON.stringify(told) : linesOf(told).join('\n'));
  return told.decision === 'accept' ? 0 : 1;
};

export const command: Command = {
  name: 'route:explain',
  summary: 'says who would answer a call, and why',
  help,
  run,
};
