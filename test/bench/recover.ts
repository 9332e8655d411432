/**
 * The call host of a talking agent is killed: how long until the caller hears an agent again, whether that agent knows what was
 * said before, and whether there is one record, which is completed. Stock sends nobody.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openDb } from '#src/database/open.ts';
import { callWithRecords } from '#src/calls/store.ts';
import { defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { nowMs, type Caller } from '#src/simulators/caller/caller.ts';
import { speechRms } from '#src/simulators/caller/audio-in.ts';
import { descendantsOf } from '#test/support/processes.ts';
import { atMost, problemsIf, type Benchmark } from './report/benchmark.ts';
import { withPace } from './report/pace.ts';
import { latenciesOf } from './report/statistics.ts';
import { recordingOf, type Recording } from './recordings/recording.ts';
import { rows } from './recordings/table.ts';
import { startSide, type Side, type SideName } from './sides/sides.ts';
import { openStage, type Stage } from './sides/stage.ts';
import { sayRecording, whenSilent } from './sides/utterance.ts';

const replyTimeoutMs = 12_000;
/** How far into its reply the agent is killed. */
const killedAfterMs = 1_500;
const patienceMs = 15_000;
/** What was on its way is heard a moment longer; then there is silence, before another agent speaks. */
const leastGapMs = 250;
const perCallMs = { ours: 24_000, stock: 36_000 } as const;
const perBlockMs = 20_000;

const greeting = 'Hello, how can I help you?';
const longReply =
  'We are open from Monday to Thursday between eight in the morning and six in the evening, and on Friday from eight ' +
  'until two in the afternoon. On Saturday we are closed, but the city hospital has an emergency service.';
const scenario = {
  name: 'recover',
  replies: [{ when: { instructions: 'Greet the user' }, say: greeting }],
  otherwise: longReply,
};
/** Said before the agent is killed, and after it was replaced: told apart in the history. */
const questions = { before: 'hours', after: 'parking' } as const;

type Sample = Readonly<{
  side: SideName;
  /** From the kill to the first loud frame of the agent that took over; null: none came. */
  audibleMs: number | null;
  /** The first turn on record that began after the kill. */
  firstWords: string | null;
  /** The model was told what the caller asked before, and how the agent had greeted. */
  isKept: boolean;
  records: number;
  status: string | null;
}>;

/** When the first loud frame came after a silence that began after `since`. */
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

const callHosts = (side: Side): number[] =>
  descendantsOf(side.pid).flatMap(({ pid, command }) => (command.includes('job_proc') ? [pid] : []));

type Trial = Readonly<{ stage: Stage; side: Side; recordings: Readonly<Record<keyof typeof questions, Recording>> }>;

const runTrial = async ({ stage, side, recordings }: Trial): Promise<Sample> => {
  await stage.providers.setScenario(scenario);
  await side.whenWarm();
  const warm = callHosts(side);
  await using caller = await side.phone();
  await caller.whenAgentSpeaks({ timeoutMs: patienceMs, since: caller.dialedAt });
  await whenSilent(caller);
  // The host that was warm has the call; the one that becomes warm now is to take it over.
  await side.whenWarm();
  const { lastSampleAt } = await sayRecording(caller, stage.providers, recordings.before);
  await caller.whenAgentSpeaks({ timeoutMs: replyTimeoutMs, since: lastSampleAt });
  await sleep(killedAfterMs);
  const killedAt = nowMs();
  for (const pid of warm) process.kill(pid, 'SIGKILL');
  const heardAt = await untilBack(caller, killedAt);
  const isKept = heardAt !== null && (await isKnown(stage, caller, recordings.after));
  await caller.hangUp();
  return {
    side: side.name,
    audibleMs: heardAt === null ? null : Math.round(heardAt - killedAt),
    isKept,
    ...(await recordsOf(stage, caller.call.room, killedAt)),
  };
};

/** Asks something else: the model is told what was asked and answered before the kill, too. */
const isKnown = async (stage: Stage, caller: Caller, question: Recording): Promise<boolean> => {
  await whenSilent(caller);
  const { lastSampleAt } = await sayRecording(caller, stage.providers, question);
  await caller.whenAgentSpeaks({ timeoutMs: replyTimeoutMs, since: lastSampleAt }).catch(() => null);
  const { messages = [] } = ((await stage.providers.log()).lastChat ?? {}) as { messages?: { role: string }[] };
  const said = (role: string, words: string) =>
    messages.some((one) => one.role === role && JSON.stringify(one).toLowerCase().includes(words));
  return said('user', 'opening hours') && said('user', 'parking') && said('assistant', 'how can i help you');
};

type Records = Pick<Sample, 'records' | 'status' | 'firstWords'>;

/** Waits until the call is final. */
const recordsOf = async (stage: Stage, room: string, killedAt: number): Promise<Records> => {
  await using db = await openDb(stage.serviceEnv['DATABASE_URL'] ?? '');
  const until = Date.now() + 10_000;
  for (;;) {
    const found = await callWithRecords(db, room);
    if ((found !== null && found.call.openRoom === null) || Date.now() > until) {
      const startedAt = found?.call.answeredAt?.getTime() ?? 0;
      const first = found?.turns.find(({ role, startMs }) => role === 'agent' && startedAt + startMs > killedAt);
      const records = await db.callLog.count({ where: { roomName: room } });
      return { records, status: found?.call.status ?? null, firstWords: first?.text ?? null };
    }
    await sleep(200);
  }
};

const figuresOf = (samples: readonly Sample[]) => ({
  audibleMs: latenciesOf(samples.flatMap(({ audibleMs }) => audibleMs ?? [])),
  never: samples.filter(({ audibleMs }) => audibleMs === null).length,
  firstWords: [...new Set(samples.map(({ firstWords }) => firstWords))],
  records: Math.max(...samples.map(({ records }) => records)),
  notCompleted: samples.filter(({ status }) => status !== 'completed').length,
  kept: samples.filter(({ isKept }) => isKept).length,
  calls: samples.length,
});

type Block = Readonly<{ side: SideName; calls: number }>;

/** ours, reference, reference, ours: what drifts on the machine affects both. */
const blocksOf = (quick: boolean): Block[] => {
  if (quick) return (['ours', 'stock'] as const).map((side) => ({ side, calls: 1 }));
  const [ours, stock] = [{ side: 'ours', calls: 5 } as const, { side: 'stock', calls: 1 } as const];
  return [ours, stock, stock, ours];
};

const recordingFor = (name: string): Promise<Recording> => {
  const row = rows.find((one) => one.name === name);
  if (row === undefined) throw new Error(`the question ${name} is missing`);
  return recordingOf(row);
};

export const benchmark: Benchmark = async ({ quick, onlyOurs, ...options }) => {
  const blocks = blocksOf(quick).filter(({ side }) => !onlyOurs || side === 'ours');
  const expectedMs = blocks.reduce((sum, { side, calls }) => sum + perBlockMs + calls * perCallMs[side], 0);
  const progress = withPace(options.progress, expectedMs);
  const recordings = { before: await recordingFor(questions.before), after: await recordingFor(questions.after) };
  await using stage = await openStage({ scenario, greeting, progress });
  const samples: Sample[] = [];
  for (const { side: name, calls } of blocks) {
    await using side = await startSide(name, stage, { idleProcesses: 1, env: { STOCK_TAKES_EVERY_CALL: '1' } });
    for (let call = 0; call < calls; call += 1) {
      const sample = await runTrial({ stage, side, recordings });
      samples.push(sample);
      progress(`  ${JSON.stringify(sample)}`);
    }
  }
  const ours = figuresOf(samples.filter(({ side }) => side === 'ours'));
  const stock = samples.filter(({ side }) => side === 'stock');
  const never = stock.filter(({ audibleMs }) => audibleMs === null).length;
  const isExpected = ours.firstWords.every((words) => words === defaultSystemMessages.afterBreak);
  return {
    ratio: null,
    ours,
    reference: onlyOurs ? null : { audibleMs: null, never, calls: stock.length },
    targets: [
      atMost('calls never taken over', ours.never, 0),
      atMost('median in ms', ours.audibleMs.p50, 1_000),
      atMost('calls whose history was lost', ours.calls - ours.kept, 0),
      atMost('records of a call', ours.records, 1),
    ],
    problems: problemsIf([
      !isExpected,
      `the agent that took over began with something else than an apology: ${JSON.stringify(ours.firstWords)}`,
    ]),
    samples,
  };
};
