/**
 * Two hundred short calls, one after the other: does memory grow, is a process left over, is every record completed?
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDb } from '#src/database/open.ts';
import { descendantsOf } from '#test/support/processes.ts';
import { atMost, problemsIf, type Benchmark } from '../report/benchmark.ts';
import { withPace } from '../report/pace.ts';
import { round } from '../report/statistics.ts';
import { startSide, type Side } from '../sides/sides.ts';
import { openStage, type Stage } from '../sides/stage.ts';
import { pssMb, pssMbOf } from '../sides/usage.ts';

const warmUpCalls = 40;
const countedCalls = 160;
/** The memory is measured each time after this many calls. */
const measureEvery = 20;
const callMs = 3_000;
const answerTimeoutMs = 20_000;
const collectMs = 1_500;
const settleMs = 15_000;
const perCallMs = 4_300;
const startMs = 20_000;

const greeting = 'Hello, how can I help you?';
const scenario = { name: 'soak', otherwise: greeting };

type Memory = Readonly<{
  calls: number;
  /** The main process before and after the garbage of all its threads was collected, and what no file backs of it. */
  beforeGcMb: number;
  pssMb: number;
  anonymousMb: number;
  /** With all call hosts. */
  familyMb: number;
  processes: number;
}>;

/** False where the call wasn't answered. */
const runCall = async (side: Side): Promise<boolean> => {
  await using caller = await side.phone();
  const isAnswered = await caller.whenAgentSpeaks({ timeoutMs: answerTimeoutMs, since: caller.dialedAt }).then(
    () => true,
    () => false,
  );
  await sleep(callMs);
  await caller.hangUp();
  return isAnswered;
};

const familySize = (side: Side): number => descendantsOf(side.pid).length;

const measure = async (side: Side, calls: number): Promise<Memory> => {
  await side.whenWarm(); // the more processes share something, the less of it counts for each
  const [beforeGcMb, familyMb] = [await pssMbOf(side.pid), await pssMb(side.pid)];
  process.kill(side.pid, 'SIGUSR2');
  await sleep(collectMs);
  const [pssMbAfter, anonymousMb] = [await pssMbOf(side.pid), await pssMbOf(side.pid, 'Pss_Anon')];
  return { calls, beforeGcMb, pssMb: pssMbAfter, anonymousMb, familyMb, processes: familySize(side) };
};

type MemoryField = 'beforeGcMb' | 'pssMb' | 'anonymousMb' | 'familyMb';

/** MB per 100 calls, by least squares. */
export const slopeOf = (memory: readonly Memory[], field: MemoryField): number => {
  const mean = (of: (one: Memory) => number) => memory.reduce((sum, one) => sum + of(one), 0) / memory.length;
  const [calls, value] = [mean((one) => one.calls), mean((one) => one[field])];
  const over = memory.reduce((sum, one) => sum + (one.calls - calls) * (one[field] - value), 0);
  const under = memory.reduce((sum, one) => sum + (one.calls - calls) ** 2, 0);
  return round((over / under) * 100);
};

const countRecords = async (stage: Stage): Promise<{ records: number; open: number }> => {
  await using db = await openDb(stage.serviceEnv['DATABASE_URL'] ?? '');
  const open = await db.callLog.count({ where: { status: { in: ['ringing', 'in_progress'] } } });
  return { records: await db.callLog.count(), open };
};

const figuresOf = (memory: readonly Memory[]) => ({
  growthMbPer100Calls: slopeOf(memory, 'pssMb'),
  growthBeforeGcMbPer100Calls: slopeOf(memory, 'beforeGcMb'),
  growthAnonymousMbPer100Calls: slopeOf(memory, 'anonymousMb'),
  growthOfFamilyMbPer100Calls: slopeOf(memory, 'familyMb'),
  lastPssMb: round(memory.at(-1)?.pssMb ?? NaN, 1),
  lastFamilyMb: round(memory.at(-1)?.familyMb ?? NaN, 1),
});

export const benchmark: Benchmark = async ({ quick, ...options }) => {
  const [warmUp, counted, every] = quick ? [4, 6, 2] : [warmUpCalls, countedCalls, measureEvery];
  const calls = warmUp + counted;
  const progress = withPace(options.progress, calls * perCallMs + startMs + settleMs);
  await using stage = await openStage({ scenario, greeting, progress });
  const env = { NODE_OPTIONS: `--import=${join(import.meta.dirname, 'collect-garbage.mjs')}` };
  await using side = await startSide('ours', stage, { env });
  const sizeBefore = familySize(side);
  const memory: Memory[] = [];
  let unanswered = 0;
  for (let call = 1; call <= calls; call += 1) {
    if (!(await runCall(side))) unanswered += 1;
    if (call < warmUp || (call - warmUp) % every !== 0) continue;
    const measured = await measure(side, call);
    memory.push(measured);
    progress(`  ${JSON.stringify(measured)}`);
  }
  await side.whenWarm();
  await sleep(settleMs);
  const { records, open } = await countRecords(stage);
  /** Below zero where a process that was there before is gone. */
  const orphans = familySize(side) - sizeBefore;
  const ours = { ...figuresOf(memory), orphans, notFinal: open, records, calls, unanswered };
  return {
    ratio: null,
    ours,
    reference: null,
    targets: [
      atMost('growth in MB per 100 calls', ours.growthMbPer100Calls, 1),
      atMost('orphaned processes', orphans, 0),
      atMost('records that are not final', open, 0),
    ],
    problems: problemsIf(
      [unanswered > 0, `${unanswered} of ${calls} calls were not answered`],
      [records !== calls, `${records} records of ${calls} calls`],
      [orphans < 0, `${-orphans} processes fewer than before the first call`],
    ),
    samples: memory,
  };
};
