/**
 * The call process of a talking agent is killed: how long until the caller hears an agent again, whether that one knows what was
 * said before, and whether there is one record that comes to its end. Of stock nobody comes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openDb } from '#src/database/open.ts';
import { callWithRecords } from '#src/calls/store.ts';
import { nowMs, type Caller } from '#src/simulators/caller/caller.ts';
import { speechRms } from '#src/simulators/caller/audio-in.ts';
import { descendantsOf } from '#test/support/processes.ts';
import { latenciesOf, type Benchmark } from './report/benchmark.ts';
import { recordingOf, type Recording } from './recordings/recording.ts';
import { rows } from './recordings/table.ts';
import { startSide, type Side, type SideName } from './sides/sides.ts';
import { openStage, type Stage } from './sides/stage.ts';
import { sayRecording, whenSilent } from './sides/utterance.ts';

const calls = 10;
/** Of stock, to see that it is so. */
const stockCalls = 2;
const replyTimeoutMs = 12_000;
/** So far into its reply the agent is killed. */
const killedAfterMs = 1_500;
const patienceMs = 15_000;
/** What was on its way is heard a moment longer: then there is silence, before somebody speaks again. */
const leastGapMs = 250;

const greeting = 'Hello, how can I help you?';
const longReply =
  'We are open from Monday to Thursday between eight in the morning and six in the evening, and on Friday from eight ' +
  'until two in the afternoon. On Saturday we are closed, but the city hospital has an emergency service.';
const scenario = {
  name: 'recover',
  replies: [{ when: { instructions: 'Greet the user' }, say: greeting }],
  otherwise: longReply,
};

type Sample = Readonly<{
  side: SideName;
  /** From the kill to the first loud frame of who came instead; null: nobody came. */
  audibleMs: number | null;
  /** The model was told of what was said before. */
  isKept: boolean;
  records: number;
  status: string | null;
}>;

/** The first loud frame after a silence that began after `since`. */
const backAt = (caller: Caller, since: number): number | null => {
  let lastLoudAt = since;
  for (const { at, rms } of caller.audioIn.frames) {
    if (at < since || rms <= speechRms) continue;
    if (at - lastLoudAt >= leastGapMs) return at;
    lastLoudAt = at;
  }
  return null;
};

const untilBack = async (caller: Caller, since: number): Promise<number | null> => {
  for (const limit = nowMs() + patienceMs; nowMs() < limit; await sleep(20)) {
    const at = backAt(caller, since);
    if (at !== null) return at;
  }
  return null;
};

const callProcesses = (side: Side): number[] =>
  descendantsOf(side.pid).flatMap(({ pid, command }) => (command.includes('job_proc') ? [pid] : []));

type Trial = { stage: Stage; side: Side; question: Recording };

const runTrial = async ({ stage, side, question }: Trial): Promise<Sample> => {
  await stage.providers.setScenario(scenario);
  await side.whenWarm();
  const warm = callProcesses(side);
  await using caller = await side.phone();
  await caller.whenAgentSpeaks({ timeoutMs: patienceMs, since: caller.dialedAt });
  await whenSilent(caller);
  // The one that waited has the call; the one that waits now would take it over.
  await side.whenWarm();
  const { lastSampleAt } = await sayRecording(caller, stage.providers, question);
  await caller.whenAgentSpeaks({ timeoutMs: replyTimeoutMs, since: lastSampleAt });
  await sleep(killedAfterMs);
  const killedAt = nowMs();
  for (const pid of warm) process.kill(pid, 'SIGKILL');
  const heardAt = await untilBack(caller, killedAt);
  const isKept = heardAt !== null && (await isKnown(stage, caller, question));
  await caller.hangUp();
  const audibleMs = heardAt === null ? null : Math.round(heardAt - killedAt);
  return { side: side.name, audibleMs, isKept, ...(await recordsOf(stage, caller.call.room)) };
};

/** Asks once more: the model is told of the first time, too. */
const isKnown = async (stage: Stage, caller: Caller, question: Recording): Promise<boolean> => {
  await whenSilent(caller);
  const { lastSampleAt } = await sayRecording(caller, stage.providers, question);
  await caller.whenAgentSpeaks({ timeoutMs: replyTimeoutMs, since: lastSampleAt }).catch(() => null);
  const { messages = [] } = ((await stage.providers.log()).lastChat ?? {}) as { messages?: { role: string }[] };
  return messages.filter(({ role }) => role === 'user').length >= 2;
};

const recordsOf = async (stage: Stage, room: string): Promise<{ records: number; status: string | null }> => {
  await using db = await openDb(stage.serviceEnv['DATABASE_URL'] ?? '');
  const until = Date.now() + 10_000;
  for (;;) {
    const found = await callWithRecords(db, room);
    const isFinal = found !== null && found.call.openRoom === null;
    if (isFinal || Date.now() > until)
      return { records: await db.callLog.count({ where: { roomName: room } }), status: found?.call.status ?? null };
    await sleep(200);
  }
};

const figuresOf = (samples: readonly Sample[]) => ({
  audibleMs: latenciesOf(samples.flatMap(({ audibleMs }) => audibleMs ?? [])),
  never: samples.filter(({ audibleMs }) => audibleMs === null).length,
  records: Math.max(...samples.map(({ records }) => records)),
  notCompleted: samples.filter(({ status }) => status !== 'completed').length,
  kept: samples.filter(({ isKept }) => isKept).length,
  calls: samples.length,
});

export const benchmark: Benchmark = async ({ progress, quick, onlyOurs }) => {
  const row = rows.find(({ name }) => name === 'hours');
  if (row === undefined) throw new Error('the question is missing');
  const question = await recordingOf(row);
  await using stage = await openStage({ scenario, greeting, progress });
  const samples: Sample[] = [];
  for (const name of onlyOurs ? (['ours'] as const) : (['ours', 'stock'] as const)) {
    await using side = await startSide(name, stage, { idleProcesses: 1, env: { STOCK_TAKES_EVERY_CALL: '1' } });
    for (let call = 0; call < (quick ? 2 : name === 'ours' ? calls : stockCalls); call += 1) {
      const sample = await runTrial({ stage, side, question });
      samples.push(sample);
      progress(`  ${JSON.stringify(sample)}`);
    }
  }
  const ours = figuresOf(samples.filter(({ side }) => side === 'ours'));
  const stock = samples.filter(({ side }) => side === 'stock');
  const reference = onlyOurs
    ? null
    : { audibleMs: null, never: stock.filter(({ audibleMs }) => audibleMs === null).length, calls: stock.length };
  return { ratio: null, ours, reference, samples };
};
