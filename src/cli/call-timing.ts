/** `npm run cli -- call:timing`: where the time of a call went. */
import { parseArgs } from 'node:util';
import { replyStages, type Reply, type ReplyStage } from '../calls/timing/reply-timing.ts';
import { findTimedCall } from '../calls/store.ts';
import { timingOf, type CallTiming, type Stage, type Pickup } from '../calls/timing/timing.ts';
import { loadConfig, type Config } from '../config.ts';
import { openDb } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { pickupStages } from '../protocol/messages.ts';
import { findDevState } from '../local/dev-state.ts';
import type { Command } from './command.ts';

const { greeted, ...untilSpeech } = pickupStages;
const marks = {
  came_in: 'its record began; then what the service did: routed, claimed (a call process took it), …',
  ...untilSpeech,
  first_sound: 'the greeting begins',
  greeted,
};

const markLines = Object.entries(marks)
  .map(([stage, meaning]) => `  ${stage.padEnd(18)} ${meaning}`)
  .join('\n');

const help = `Usage: npm run cli -- call:timing CALL [--port PORT] [--json]

Prints how long the parts of a call took, so that the slow one has a name: its pick-up as a timeline, and each reply with what
it was waited for. All times are ms. CALL is the call's id: GET /api/v1/calls has it, check:campaign prints it, and so does the
log (callId). Nothing that was said is shown.

Pick-up: since the call came in; a call that was first heard of by its own job has marks before that.
${markLines}

Replies: since the caller's last sound, as the call process heard it, until the first sound was sent back. Stages follow one
another; what ran beside something slower wasn't waited for, and counts nothing.
  transcript         until the last words were understood
  turn end           until the turn was taken for over
  tool               while tools ran
  model              from asking the model to its first token
  clause             from there until there were words enough to speak
  voice              from asking the voice for them to its first audio
  sending            from there until it was sent to the caller

The call is looked for in the database of the npm run dev on this port, if there is one; else in that of DATABASE_URL.

  --port PORT  where npm run dev listens (PORT)
  --json       prints the figures as one line of JSON, those that were recorded included (latency)`;

const whichDatabase = async (config: Config): Promise<{ url: string; what: string }> => {
  const dev = await findDevState(config.port);
  return dev === null
    ? { url: config.databaseUrl, what: 'DATABASE_URL' }
    : { url: dev.databaseUrl, what: `the npm run dev on port ${config.port}` };
};

const nameOf = (stage: ReplyStage): string => stage.replaceAll('_', ' ');

const markLine = ({ name, atMs, tookMs, detail }: Stage): string =>
  `${String(atMs).padStart(8)}  ${`+${tookMs}`.padStart(7)}  ${name.padEnd(16)} ${detail ?? ''}`.trimEnd();

const endsOf = ({ answeredMs, firstSoundMs, slowest }: Pickup): string =>
  [
    answeredMs === null ? 'Never answered.' : `Answered after ${answeredMs} ms.`,
    ...(firstSoundMs === null ? [] : [`First sound after ${firstSoundMs} ms.`]),
    ...(slowest === null ? [] : [`Slowest: ${slowest.from} → ${slowest.to}, ${slowest.tookMs} ms.`]),
  ].join(' ');

const pickupLines = (pickup: Pickup): string[] => {
  const unplaced = Object.entries(pickup.unplaced).map(([stage, ms]) => `${stage} ${ms}`);
  return [
    'Pick-up, ms since the call came in:',
    ...pickup.stages.map(markLine),
    ...(unplaced.length === 0 ? [] : [`  since the call process began, which isn't recorded: ${unplaced.join(', ')}`]),
    endsOf(pickup),
  ];
};

const row = (name: string, cells: readonly (string | number)[], last: string): string =>
  `${name.padStart(5)}${cells.map((cell) => String(cell).padStart(11)).join('')}   ${last}`.trimEnd();

const replyRow = ({ seq, heardMs, stages, slowest, isExact }: Reply): string =>
  row(String(seq), [heardMs, ...replyStages.map((stage) => stages[stage])], `${nameOf(slowest)}${isExact ? '' : ' ~'}`);

const replyLines = ({ replies, unmeasured, discarded, overall }: CallTiming): string[] => {
  const without = [
    ...(unmeasured === 0 ? [] : [`Answers without figures: ${unmeasured}.`]),
    ...(discarded === 0 ? [] : [`Answers begun, and thrown away as the caller went on: ${discarded}.`]),
  ];
  if (overall === null) return ['No reply was measured.', ...without];
  const spread = (share: 'p50' | 'p95') =>
    row(share, [overall.heardMs[share], ...replyStages.map((stage) => overall.stages[stage][share])], '');
  return [
    "Replies by the agent's turn, ms since the caller's last sound:",
    row('turn', ['heard', ...replyStages.map(nameOf)], 'slowest'),
    ...replies.map(replyRow),
    spread('p50'),
    spread('p95'),
    ...(replies.every(({ isExact }) => isExact)
      ? []
      : ["~ when model and voice were asked isn't recorded: placed as late as they can have been."]),
    `Slowest over all replies: ${nameOf(overall.slowest)}.`,
    ...without,
  ];
};

const linesOf = (timing: CallTiming): string[] => {
  const reason = timing.rejectReason ?? timing.endReason;
  return [
    `Call ${timing.callId}: ${timing.status}${reason === null ? '' : ` (${reason})`}.`,
    '',
    ...pickupLines(timing.pickup),
    '',
    ...replyLines(timing),
  ];
};

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { port: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const [id, ...more] = positionals;
  if (id === undefined || more.length > 0)
    throw new AppError('malformed', 'Give the id of one call: call:timing 019a…; GET /api/v1/calls lists them.');
  const config = loadConfig({ ...env, ...(values.port !== undefined && { PORT: values.port }) });
  const { url, what } = await whichDatabase(config);
  await using db = await openDb(url);
  const call = await findTimedCall(db, id);
  if (call === null)
    throw new AppError(
      'not_found',
      `No call has the id ${id} in the database of ${what}; GET /api/v1/calls lists them.`,
    );
  const timing = timingOf(call);
  console.log(values.json ? JSON.stringify(timing) : linesOf(timing).join('\n'));
  return 0;
};

export const command: Command = {
  name: 'call:timing',
  summary: 'says where the time of a call went: pick-up and replies',
  help,
  run,
};
