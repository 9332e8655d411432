/** `npm run cli -- call:timing`: breaks down the latency of a call. */
import { parseArgs } from 'node:util';
import { findTimedCall } from '../calls/store.ts';
import { timingOf } from '../calls/timing/timing.ts';
import { loadConfig, type Config } from '../config.ts';
import { openDb } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { pickupStages } from '../protocol/messages.ts';
import { findDevState } from '../local/dev-state.ts';
import type { Command } from './command.ts';
import { linesOf } from './reports/call-timing.ts';

const { greeted, ...untilSpeech } = pickupStages;
const stages = {
  came_in: 'the service recorded the call; then its events: routed, claimed, …',
  ...untilSpeech,
  first_sound: 'the greeting started',
  greeted,
};

const stageLines = Object.entries(stages)
  .map(([stage, meaning]) => `  ${stage.padEnd(18)} ${meaning}`)
  .join('\n');

const help = `Usage: npm run cli -- call:timing CALL [--port PORT] [--json]

Breaks down the latency of a call: its pickup as a timeline, and each reply by stage. All times are
in ms. CALL is the id of the call, as in GET /api/v1/calls, in the log (callId), and in the output of
check:campaign. Prints nothing that was said.

Pickup, since the call arrived. Stages before the call was recorded have negative times.
${stageLines}

Replies, from the caller's last sound as received by the call host until the first sound was sent
back. The stages are consecutive and add up to the total; work that overlaps with something slower
does not count.
  transcript         until the last words were transcribed
  turn end           until the end of the turn was detected
  tool               while tools ran
  model              from the model request to the first token
  clause             until the first clause was complete
  voice              from the text-to-speech request to the first audio
  sending            until the audio was sent to the caller

Uses the database of the npm run dev on this port if there is one, otherwise DATABASE_URL.

  --port PORT  the port of npm run dev (default: PORT, or 3000)
  --json       print one line of JSON, including the recorded values (latency)`;

const chooseDatabase = async (config: Config): Promise<{ url: string; name: string }> => {
  const dev = await findDevState(config.port);
  return dev === null
    ? { url: config.databaseUrl, name: 'the database of DATABASE_URL' }
    : { url: dev.databaseUrl, name: `the database of npm run dev on port ${config.port}` };
};

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { port: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const [id, ...more] = positionals;
  if (id === undefined || more.length > 0)
    throw new AppError(
      'malformed',
      'Exactly one call id is required: call:timing CALL. GET /api/v1/calls lists the calls.',
    );
  const config = loadConfig({ ...env, ...(values.port !== undefined && { PORT: values.port }) });
  const { url, name } = await chooseDatabase(config);
  await using db = await openDb(url);
  const call = await findTimedCall(db, id);
  if (call === null) throw new AppError('not_found', `No call ${id} in ${name}. GET /api/v1/calls lists the calls.`);
  const timing = timingOf(call);
  console.log(values.json ? JSON.stringify(timing) : linesOf(timing).join('\n'));
  return 0;
};

export const command: Command = {
  name: 'call:timing',
  summary: 'break down the latency of a call: pickup and replies',
  help,
  run,
};
