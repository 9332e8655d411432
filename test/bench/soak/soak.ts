/**
 * Two hundred short calls, one after the other: does the service's own memory grow, is a process left over, does every record come
 * to its end?
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDb } from '#src/database/open.ts';
import { descendantsOf } from '#test/support/processes.ts';
import type { Benchmark } from '../report/benchmark.ts';
import { startSide, type Side } from '../sides/sides.ts';
import { openStage, type Stage } from '../sides/stage.ts';
import { pssMbOf } from '../sides/usage.ts';

const warmUpCalls = 40;
const countedCalls = 160;
/** The memory is looked at each time after so many. */
const lookEvery = 20;
const callMs = 3_000;
const patienceMs = 20_000;
const collectMs = 1_500;
const settleMs = 15_000;

const greeting = 'Hello, how can I help you?';
const scenario = { name: 'soak', otherwise: greeting };

type Look = Readonly<{ calls: number; pssMb: number; anonymousMb: number }>;

/** False where nobody answered. */
const runCall = async (side: Side): Promise<boolean> => {
  await using caller = await side.phone();
  const speaks = caller.whenAgentSpeaks({ timeoutMs: patienceMs, since: caller.dialedAt });
  const isAnswered = await speaks.then(
    () => true,
    () => false,
  );
  await sleep(callMs);
  await caller.hangUp();
  return isAnswered;
};

const look = async (side: Side, calls: number): Promise<Look> => {
  await side.whenWarm(); // what the processes of its family share counts less for each, the more there are
  process.kill(side.pid, 'SIGUSR2');
  await sleep(collectMs);
  return { calls, pssMb: await pssMbOf(side.pid), anonymousMb: await pssMbOf(side.pid, 'Pss_Anon') };
};

/** MB per 100 calls, by least squares. */
export const slopeOf = (looks: readonly Look[]): number => {
  const mean = (of: (one: Look) => number) => looks.reduce((sum, one) => sum + of(one), 0) / looks.length;
  const [calls, pssMb] = [mean((one) => one.calls), mean((one) => one.pssMb)];
  const over = looks.reduce((sum, one) => sum + (one.calls - calls) * (one.pssMb - pssMb), 0);
  const under = looks.reduce((sum, one) => sum + (one.calls - calls) ** 2, 0);
  return Math.round((over / under) * 10_000) / 100;
};

const openRecords = async (stage: Stage): Promise<{ records: number; notFinal: number }> => {
  await using db = await openDb(stage.serviceEnv['DATABASE_URL'] ?? '');
  const notFinal = await db.callLog.count({ where: { status: { in: ['ringing', 'in_progress'] } } });
  return { records: await db.callLog.count(), notFinal };
};

const familyOf = (side: Side): number => descendantsOf(side.pid).length;

export const benchmark: Benchmark = async ({ progress, quick }) => {
  const [warmUp, counted, every] = quick ? [4, 6, 2] : [warmUpCalls, countedCalls, lookEvery];
  await using stage = await openStage({ scenario, greeting, progress });
  const env = { NODE_OPTIONS: `--import=${join(import.meta.dirname, 'collect-garbage.mjs')}` };
  await using side = await startSide('ours', stage, { env });
  const familyBefore = familyOf(side);
  const looks: Look[] = [];
  let unanswered = 0;
  for (let call = 1; call <= warmUp + counted; call += 1) {
    if (!(await runCall(side))) unanswered += 1;
    if (call < warmUp || (call - warmUp) % every !== 0) continue;
    const seen = await look(side, call);
    looks.push(seen);
    progress(`  ${call} calls: ${seen.pssMb.toFixed(1)} MB, ${familyOf(side)} processes`);
  }
  await side.whenWarm();
  await sleep(settleMs);
  const { records, notFinal } = await openRecords(stage);
  const ours = {
    growthMbPer100Calls: slopeOf(looks),
    orphans: Math.max(0, familyOf(side) - familyBefore),
    notFinal: notFinal + (warmUp + counted - records),
    calls: warmUp + counted,
    unanswered,
  };
  return { ratio: null, ours, reference: null, samples: looks };
};
