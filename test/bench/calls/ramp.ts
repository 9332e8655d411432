/** A ramp: one call more in each step, all of them talking, until the side or the rest of the machine is at its limit. */
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs, type Caller } from '#src/simulators/caller/caller.ts';
import { latenciesOf } from '../report/statistics.ts';
import type { Recording } from '../recordings/recording.ts';
import { startSide, type Side, type SideName } from '../sides/sides.ts';
import { providersMs, type Stage } from '../sides/stage.ts';
import { cpuSeconds, otherCoresLoad, pssMb } from '../sides/usage.ts';
import { whenSilent } from '../sides/utterance.ts';

/** How much later replies may come than in a single call. */
const growthMs = 150;
/** Above this load of another core, callers, LiveKit and providers there would slow down whatever is measured. */
const mostOtherLoad = 0.7;
const staggerMs = 1_500;
const answerTimeoutMs = 20_000;
const replyTimeoutMs = 12_000;
const quietMs = 600;
const idleMs = 12_000;
/** How long a side needs to come to rest after it is warm, or after calls have ended. */
const settleMs = 10_000;
const wholeCallExchanges = 5;

export type Outcome = 'answered' | 'unanswered' | 'refused';

export type Step = Readonly<{
  calls: number;
  outcomes: readonly Outcome[];
  addedMs: readonly number[];
  missed: number;
  /** Cores used by the family while all talk. */
  cpu: number;
  pssMb: number;
  /** Of the busiest other core, from 0 to 1. */
  otherLoad: number;
  /** Whether another core was too busy for the step to count. */
  isVoid: boolean;
}>;

/** Why a ramp ended. */
export type Limit = 'latency' | 'unanswered' | 'missed' | 'other cores' | 'last step';

export type Base = Readonly<{ cpu: number; pssMb: number }>;

export type Ramp = Readonly<{
  name: SideName;
  base: Base;
  steps: readonly Step[];
  limit: Limit;
  /** CPU seconds from dialing, through five exchanges, to a side that is warm and at rest again, without what it uses idle. */
  wholeCallCpuSeconds: number;
}>;

export type RampOptions = Readonly<{
  core: number;
  recording: Recording;
  /** The numbers of calls to try, in order. */
  calls: readonly number[];
  /** How long the calls of a step talk. */
  talkMs: number;
  /** No step is void, however busy the other cores are: for development on a busy machine. */
  loaded: boolean;
  progress: (line: string) => void;
}>;

export const answer = async (side: Side): Promise<{ caller: Caller; outcome: Outcome }> => {
  const caller = await side.phone();
  const isAnswered = await caller.whenAgentSpeaks({ timeoutMs: answerTimeoutMs, since: caller.dialedAt }).then(
    () => true,
    () => false,
  );
  if (!isAnswered) return { caller, outcome: 'unanswered' };
  await whenSilent(caller).catch(() => null);
  // After "all lines are busy" the call is ended.
  const ended = await Promise.race([caller.whenEnded().then(() => true), sleep(1_000, false)]);
  return { caller, outcome: ended ? 'refused' : 'answered' };
};

/** One utterance and the beginning of its reply: ms beyond the providers' own, null where none came. */
const talk = async (caller: Caller, { speech }: Recording): Promise<number | null> => {
  const { lastSampleAt } = await caller.startSpeaking(speech).done;
  const heardAt = await caller.whenAgentSpeaks({ timeoutMs: replyTimeoutMs, since: lastSampleAt }).catch(() => null);
  if (heardAt === null) return null;
  await whenSilent(caller, quietMs);
  return heardAt - lastSampleAt - providersMs;
};

/** Talks as long as `goesOn` says so, asked before each exchange. */
export const talkOn = async (
  caller: Caller,
  recording: Recording,
  goesOn: (exchanges: number) => boolean,
): Promise<(number | null)[]> => {
  const added: (number | null)[] = [];
  while (goesOn(added.length)) {
    // Callers don't speak in time with each other.
    await sleep(Math.random() * 500);
    added.push(await talk(caller, recording));
  }
  return added;
};

const cpuOver = async (side: Side, during: Promise<unknown>): Promise<number> => {
  const [startedAt, used] = [nowMs(), await cpuSeconds(side.pid)];
  await during;
  return ((await cpuSeconds(side.pid)) - used) / ((nowMs() - startedAt) / 1000);
};

const runStep = async (side: Side, calls: number, options: RampOptions): Promise<Step> => {
  const { core, recording, talkMs, loaded } = options;
  await using stack = new AsyncDisposableStack();
  const dialing = Array.from({ length: calls }, async (_, index) => {
    await sleep(index * staggerMs);
    const { caller, outcome } = await answer(side);
    stack.use(caller);
    return { caller, outcome };
  });
  const answers = await Promise.all(dialing);
  const callers = answers.flatMap(({ caller, outcome }) => (outcome === 'answered' ? [caller] : []));
  // Starting the next warm host is part of the whole call, not of talking.
  await side.whenWarm().catch(() => null);
  await sleep(settleMs);
  const endAt = nowMs() + talkMs;
  const talking = Promise.all(callers.map((caller) => talkOn(caller, recording, () => nowMs() < endAt)));
  const [cpu, otherLoad] = await Promise.all([cpuOver(side, talking), otherCoresLoad(core, talking)]);
  const added = (await talking).flat();
  return {
    ...{ calls, outcomes: answers.map(({ outcome }) => outcome), cpu, otherLoad },
    isVoid: otherLoad > mostOtherLoad && !loaded,
    addedMs: added.flatMap((ms) => (ms === null ? [] : [Math.round(ms)])),
    missed: added.filter((ms) => ms === null).length,
    pssMb: await pssMb(side.pid),
  };
};

/** What keeps a step from counting as carried; null: it went well. */
const limitOf = (step: Step, first: Step): Limit | null => {
  if (step.isVoid) return 'other cores';
  if (!step.outcomes.every((outcome) => outcome === 'answered')) return 'unanswered';
  if (step.missed > 0) return 'missed';
  return latenciesOf(step.addedMs).p95 <= latenciesOf(first.addedMs).p95 + growthMs ? null : 'latency';
};

/** The steps that went well; a void one never is among them. */
export const goodSteps = ({ steps }: Pick<Ramp, 'steps'>): Step[] => {
  const [first] = steps;
  return first === undefined ? [] : steps.filter((step) => limitOf(step, first) === null);
};

const runWholeCall = async (side: Side, base: Base, { recording }: RampOptions): Promise<number> => {
  const [startedAt, used] = [nowMs(), await cpuSeconds(side.pid)];
  {
    const { caller } = await answer(side);
    await using _ = caller;
    await talkOn(caller, recording, (exchanges) => exchanges < wholeCallExchanges);
    await caller.hangUp();
  }
  await side.whenWarm();
  await sleep(settleMs);
  return (await cpuSeconds(side.pid)) - used - (base.cpu * (nowMs() - startedAt)) / 1000;
};

const describe = (name: SideName, step: Step): string => {
  const { p50, p95, n } = latenciesOf(step.addedMs);
  const missed = step.missed > 0 ? `, ${step.missed} without reply` : '';
  return (
    `${name}: ${step.calls} calls, added p50 ${p50} ms, p95 ${p95} ms (n = ${n}), ${(step.cpu * 100).toFixed(0)} % of its core, ` +
    `${(step.otherLoad * 100).toFixed(0)} % of the other, ${Math.round(step.pssMb)} MB, ${step.outcomes.join(' ')}${missed}`
  );
};

/** How a side of this benchmark is started: stock as the cheapest one, and it takes every call whatever the load. */
const env = { STOCK_TAKES_EVERY_CALL: '1', STOCK_BUNDLED_VAD: '1' };

export const runRamp = async (stage: Stage, name: SideName, options: RampOptions): Promise<Ramp> => {
  const { progress } = options;
  await using side = await startSide(name, stage, { core: options.core, metadata: 'vad', env });
  await sleep(settleMs);
  const base = { cpu: await cpuOver(side, sleep(idleMs)), pssMb: await pssMb(side.pid) };
  progress(`${name}: idle ${(base.cpu * 100).toFixed(1)} % of a core, ${Math.round(base.pssMb)} MB`);
  const wholeCallCpuSeconds = await runWholeCall(side, base, options);
  progress(`${name}: ${wholeCallCpuSeconds.toFixed(1)} CPU seconds for a whole call`);
  const steps: Step[] = [];
  let limit: Limit | null = null;
  for (const calls of options.calls) {
    const step = await runStep(side, calls, options);
    steps.push(step);
    progress(describe(name, step));
    limit = limitOf(step, steps[0] ?? step);
    if (limit !== null) break;
    await sleep(5_000); // until the calls that were just ended are gone
    await side.whenWarm().catch(() => null);
  }
  return { name, base, steps, limit: limit ?? 'last step', wholeCallCpuSeconds };
};
