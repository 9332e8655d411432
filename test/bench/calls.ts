/**
 * What a talking call costs, and how many one core carries: the service is pinned to a core of its own, everything else keeps to the
 * others. Step by step one call more, all of them talking, until replies come later by 150 ms (p95), or somebody isn't answered.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs, type Caller } from '#src/simulators/caller/caller.ts';
import { latenciesOf, type Benchmark } from './report/benchmark.ts';
import { recordingOf, type Recording } from './recordings/recording.ts';
import { rows } from './recordings/table.ts';
import { startSide, type Side, type SideName } from './sides/sides.ts';
import { openStage, providersMs, type Stage } from './sides/stage.ts';
import { cpuSeconds, leaveOneCore, pssMb } from './sides/usage.ts';
import { whenSilent } from './sides/utterance.ts';

const mostCalls = 12;
/** How much later replies may come than in a single call. */
const growthMs = 150;
const staggerMs = 1_500;
const patienceMs = 20_000;
const replyTimeoutMs = 12_000;
const idleMs = 10_000;
/** A warm process goes on preparing itself for so long. */
const settleMs = 8_000;
/** Utterances in a step, of all calls together, and at least in each call. */
const perFullStep = 24;
const perQuickStep = 6;
const leastPerCall = 4;
/** The costs of a call are told by the step with so many, or the last one before. */
const costCalls = 2;
/** What the service is told to take, where one more is tried. */
const capacity = 2;

/** Nobody asks "are you still there?" while the callers of a step wait for each other: stock never does. */
const patient = { silenceAskMs: 60_000, silenceGoodbyeMs: 120_000 };

const greeting = 'Hello, how can I help you?';
const question = 'hours';

const scenarioFor = (line: string) => ({
  name: 'calls',
  caller: [line],
  repeat: true,
  replies: [{ when: { instructions: 'Greet the user' }, say: greeting }],
  otherwise: 'We are open from eight to six, and on Friday we close at two. Is there anything else?',
});

type Outcome = 'answered' | 'unanswered' | 'refused';

type Step = Readonly<{
  side: SideName;
  calls: number;
  outcomes: readonly Outcome[];
  addedMs: readonly number[];
  missed: number;
  /** Cores used by the family, while all talk. */
  cpu: number;
  pssMb: number;
}>;

type Base = Readonly<{ cpu: number; pssMb: number }>;

/** Null where nobody answered, or where the call was ended with a word or without. */
const answer = async (side: Side): Promise<{ caller: Caller; outcome: Outcome }> => {
  const caller = await side.phone();
  const speaks = caller.whenAgentSpeaks({ timeoutMs: patienceMs, since: caller.dialedAt });
  const isAnswered = await speaks.then(
    () => true,
    () => false,
  );
  if (!isAnswered) return { caller, outcome: 'unanswered' };
  await whenSilent(caller).catch(() => null);
  // Who says that all lines are busy hangs up then.
  const ended = await Promise.race([caller.whenEnded().then(() => true), sleep(1_000, false)]);
  return { caller, outcome: ended ? 'refused' : 'answered' };
};

/** One utterance and the beginning of its reply: ms beyond the providers' own, null where none came. */
const talk = async (caller: Caller, { speech }: Recording): Promise<number | null> => {
  const { lastSampleAt } = await caller.startSpeaking(speech).done;
  const heardAt = await caller.whenAgentSpeaks({ timeoutMs: replyTimeoutMs, since: lastSampleAt }).catch(() => null);
  if (heardAt === null) return null;
  await whenSilent(caller);
  return heardAt - lastSampleAt - providersMs;
};

const talkOn = async (caller: Caller, recording: Recording, times: number): Promise<(number | null)[]> => {
  const added: (number | null)[] = [];
  for (let time = 0; time < times; time += 1) {
    // Callers don't speak in time with each other.
    await sleep(Math.random() * 600);
    added.push(await talk(caller, recording));
  }
  return added;
};

const cpuOver = async (side: Side, during: Promise<unknown>): Promise<number> => {
  const [startedAt, used] = [nowMs(), await cpuSeconds(side.pid)];
  await during;
  return ((await cpuSeconds(side.pid)) - used) / ((nowMs() - startedAt) / 1000);
};

const runStep = async (side: Side, calls: number, { recording, perStep }: RampOptions): Promise<Step> => {
  await using stack = new AsyncDisposableStack();
  const dialling = Array.from({ length: calls }, async (_, index) => {
    await sleep(index * staggerMs);
    const { caller, outcome } = await answer(side);
    stack.use(caller);
    return { caller, outcome };
  });
  const answers = await Promise.all(dialling);
  const callers = answers.flatMap(({ caller, outcome }) => (outcome === 'answered' ? [caller] : []));
  // New warm processes are part of picking up, not of talking.
  await side.whenWarm().catch(() => null);
  await sleep(settleMs);
  const times = Math.max(leastPerCall, Math.ceil(perStep / calls));
  const talking = Promise.all(callers.map((caller) => talkOn(caller, recording, times)));
  const cpu = await cpuOver(side, talking);
  const added = (await talking).flat();
  return {
    ...{ side: side.name, calls, outcomes: answers.map(({ outcome }) => outcome) },
    addedMs: added.flatMap((ms) => (ms === null ? [] : [Math.round(ms)])),
    missed: added.filter((ms) => ms === null).length,
    cpu,
    pssMb: await pssMb(side.pid),
  };
};

type RampOptions = Readonly<{ core: number; recording: Recording; most: number; perStep: number }>;

type Ramp = Readonly<{ base: Base; steps: readonly Step[] }>;

const isGood = (step: Step, first: Step): boolean =>
  step.outcomes.every((outcome) => outcome === 'answered') &&
  step.missed === 0 &&
  latenciesOf(step.addedMs).p95 <= latenciesOf(first.addedMs).p95 + growthMs;

const runRamp = async (
  stage: Stage,
  name: SideName,
  options: RampOptions,
  progress: (line: string) => void,
): Promise<Ramp> => {
  await using side = await startSide(name, stage, { core: options.core, env: { STOCK_TAKES_EVERY_CALL: '1' } });
  await sleep(settleMs);
  const base = { cpu: await cpuOver(side, sleep(idleMs)), pssMb: await pssMb(side.pid) };
  progress(`${name}: idle ${(base.cpu * 100).toFixed(1)} % of a core, ${Math.round(base.pssMb)} MB`);
  const steps: Step[] = [];
  for (let calls = 1; calls <= options.most; calls += 1) {
    const step = await runStep(side, calls, options);
    steps.push(step);
    const { p50, p95 } = latenciesOf(step.addedMs);
    progress(
      `${name}: ${calls} calls, added p50 ${p50} ms, p95 ${p95} ms, ${(step.cpu * 100).toFixed(0)} % of a core, ` +
        `${Math.round(step.pssMb)} MB, ${step.outcomes.join(' ')}${step.missed > 0 ? `, ${step.missed} without reply` : ''}`,
    );
    if (!isGood(step, steps[0] ?? step)) break;
    // Who was just hung up on needs a moment to be gone.
    await sleep(5_000);
    await side.whenWarm().catch(() => null);
  }
  return { base, steps };
};

/** The calls that the service is told to take, and one more while they talk: it is refused with a word, and they don't notice. */
const runBeyond = async (stage: Stage, { core, recording }: RampOptions, progress: (line: string) => void) => {
  await using side = await startSide('ours', stage, { core, env: { MAX_CALLS: String(capacity) } });
  await using stack = new AsyncDisposableStack();
  const callers: Caller[] = [];
  for (let call = 0; call < capacity; call += 1) callers.push(stack.use((await answer(side)).caller));
  const talkAll = async () => {
    const added = (await Promise.all(callers.map((caller) => talkOn(caller, recording, perQuickStep)))).flat();
    const heard = added.filter((ms) => ms !== null);
    return { addedMs: latenciesOf(heard), missed: added.length - heard.length };
  };
  const before = await talkAll();
  const [meanwhile, extra] = await Promise.all([talkAll(), answer(side)]);
  stack.use(extra.caller);
  progress(`ours: told to take ${capacity} calls, the next one was ${extra.outcome}`);
  return { capacity, outcome: extra.outcome, before, meanwhile };
};

const round = (value: number): number => Math.round(value * 1000) / 1000;

const figuresOf = (ramps: readonly Ramp[]) => {
  const each = ramps.map(({ base, steps }) => {
    const first = steps[0];
    const good = steps.filter((step) => first !== undefined && isGood(step, first));
    const cost = good.findLast(({ calls }) => calls <= costCalls) ?? first;
    if (cost?.outcomes.includes('answered') !== true) throw new Error('nobody answered: nothing can be measured');
    return { base, first, last: steps.at(-1), carried: good.at(-1)?.calls ?? 0, cost };
  });
  const mean = (of: (one: (typeof each)[number]) => number) =>
    each.reduce((sum, one) => sum + of(one), 0) / each.length;
  const count = (wanted: Outcome) =>
    ramps.flatMap(({ steps }) => steps.flatMap(({ outcomes }) => outcomes.filter((outcome) => outcome === wanted)))
      .length;
  return {
    calls: Math.min(...each.map(({ carried }) => carried)),
    unanswered: count('unanswered'),
    refused: count('refused'),
    pssMbPerCall: round(mean(({ cost, base }) => (cost.pssMb - base.pssMb) / cost.calls)),
    cpuPerCall: round(mean(({ cost, base }) => (cost.cpu - base.cpu) / cost.calls)),
    idlePssMb: round(mean(({ base }) => base.pssMb)),
    idleCpu: round(mean(({ base }) => base.cpu)),
    carried: each.map(({ carried }) => carried),
    addedMsOfOneCall: latenciesOf(each.flatMap(({ first }) => first?.addedMs ?? [])),
  };
};

/** ours, reference, reference, ours: whatever drifts on the machine hits both. */
const order: readonly SideName[] = ['ours', 'stock', 'stock', 'ours'];

export const benchmark: Benchmark = async ({ progress, quick, onlyOurs }) => {
  const row = rows.find(({ name }) => name === question);
  if (row === undefined) throw new Error('the question is missing');
  const recording = await recordingOf(row);
  const core = leaveOneCore();
  await using stage = await openStage({ scenario: scenarioFor(row.text), greeting, campaign: patient, progress });
  const ramps: { name: SideName; ramp: Ramp }[] = [];
  for (const name of (quick ? order.slice(0, 2) : order).filter((one) => !onlyOurs || one === 'ours')) {
    const size = quick ? { most: 2, perStep: perQuickStep } : { most: mostCalls, perStep: perFullStep };
    const ramp = await runRamp(stage, name, { core, recording, ...size }, progress);
    ramps.push({ name, ramp });
  }
  const beyond = await runBeyond(stage, { core, recording, most: 0, perStep: 0 }, progress);
  const of = (wanted: SideName) => figuresOf(ramps.flatMap(({ name, ramp }) => (name === wanted ? [ramp] : [])));
  const ours = { ...of('ours'), beyond };
  const reference = onlyOurs ? null : of('stock');
  return { ratio: reference && round(ours.cpuPerCall / reference.cpuPerCall), ours, reference, samples: ramps };
};
