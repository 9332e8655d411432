/** `npm run cli -- route:explain`: explains how a call would be routed. */
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { openDb } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { explainRoute, type Explanation } from '../calls/preview/explain-route.ts';
import type { Command } from './command.ts';

const help = `Usage: npm run cli -- route:explain --to NUMBER [--from NUMBER] [--at TIME] [--trunk TRUNK] [--json]

Explains how a call would be routed: number, tenant, campaign and its version, agent, and the prompt
with its variables filled in. Changes nothing. Does not consider the load of a running service.

  --to NUMBER    the dialed number
  --from NUMBER  the caller's number (default: withheld)
  --at TIME      the time of the call, such as 2026-01-31T18:00:00Z (default: now)
  --trunk TRUNK  the LiveKit trunk that the call arrives on (ST_…)
  --json         print the explanation as one line of JSON

Exit code: 0 if the call would be accepted, 1 if it would be rejected.`;

const timeOf = (text: string | undefined): Date => {
  const at = text === undefined ? new Date() : new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new AppError('malformed', 'Invalid --at: use a time such as 2026-01-31T18:00:00Z.');
  return at;
};

const linesOf = (explanation: Explanation): string[] => [
  explanation.decision === 'accept'
    ? `Accepted: ${explanation.agentName ?? ''} answers the call.`
    : `Rejected: ${explanation.rejectReason ?? ''}.`,
  ...explanation.reasons.map((reason) => `  - ${reason}`),
  ...(explanation.prompt === null
    ? []
    : ['', 'Prompt:', explanation.prompt, '', `Greeting: ${explanation.greeting ?? ''}`]),
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
  if (to === undefined) throw new AppError('malformed', 'The dialed number is required: --to NUMBER.');
  const at = timeOf(values.at);
  const config = loadConfig(env);
  await using db = await openDb(config.databaseUrl);
  const ctx = { db, config, now: () => at, busy: () => null };
  const explanation = await explainRoute(ctx, null, { to, from, trunkId: trunk ?? null, at });
  console.log(values.json ? JSON.stringify(explanation) : linesOf(explanation).join('\n'));
  return explanation.decision === 'accept' ? 0 : 1;
};

export const command: Command = {
  name: 'route:explain',
  summary: 'explain how a call would be routed, and why',
  help,
  run,
};
