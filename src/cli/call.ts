/** `npm run cli -- call`: calls the agent of a running `npm run dev`, with a script instead of a microphone. */
import { parseArgs } from 'node:util';
import { openDb } from '../database/open.ts';
import { closeRtc, dial } from '../simulators/caller/caller.ts';
import { announceUtterances, readDevState } from '../local/dev-state.ts';
import { waitForFinalRecords } from '../local/final-records.ts';
import { followScript } from '../simulators/caller/scripted-caller.ts';
import { formatCallEvent, printTurns } from '../local/turn-printer.ts';
import type { Command } from './command.ts';

const recordsTimeoutMs = 20_000;

const help = `Usage: npm run cli -- call --say "…" [--say "…"] [--from NUMBER] [--to NUMBER] [--port PORT] [--json]

Calls the agent of a running npm run dev. Speaks the lines in order, each after the agent has
finished speaking. Then hangs up, and prints the records of the call as JSON.

  --say TEXT     a line for the caller to say; repeat it for more lines
  --from NUMBER  the caller's number (default: +15551234567)
  --to NUMBER    the number to dial (default: the number of the sample campaign)
  --port PORT    the port of npm run dev (default: PORT, or 3000)
  --json         print only the records`;

const optionsOf = (argv: string[]) =>
  parseArgs({
    args: argv,
    options: {
      say: { type: 'string', multiple: true, default: [] },
      from: { type: 'string', default: '+15551234567' },
      to: { type: 'string' },
      port: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  }).values;

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { say, from, to, port, json } = optionsOf(argv);
  if (say.length === 0) {
    process.stderr.write('Nothing to say: add at least one --say "…".\n');
    return 1;
  }
  const print = (line: string): void => void (json || process.stdout.write(`${line}\n`));
  const state = await readDevState(Number(port ?? env.PORT ?? 3000));
  await using db = await openDb(state.databaseUrl, {});
  await announceUtterances(state, say);
  const call = async () => {
    await using caller = await dial({
      ...state.livekit,
      from,
      to: to ?? state.number,
      sipInbound: { url: `${state.url}/api/v1/webhooks/livekit/sip-inbound` },
    });
    await using _turns = printTurns(db, caller.call.room, print);
    await followScript(caller, { script: say, onHangUp: () => print(formatCallEvent('the caller hangs up')) });
    return await waitForFinalRecords(db, caller.call.room, recordsTimeoutMs);
  };
  const records = await call().finally(closeRtc);
  process.stdout.write(`${JSON.stringify(records)}\n`);
  return records.call.status === 'completed' ? 0 : 1;
};

export const command: Command = {
  name: 'call',
  summary: 'call the agent of a running npm run dev with a script',
  help,
  run,
};
