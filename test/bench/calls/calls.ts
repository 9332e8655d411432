/**
 * What a talking call costs, and how many one core carries: the side that is measured is pinned to a core of its own, everything else
 * keeps to the others. Both sides ramp up once; then each is measured again at the number of calls that tells the costs.
 */
import type { Caller } from '#src/simulators/caller/caller.ts';
import { atLeast, atMost, problemsIf, ratioOf, type Benchmark, type Target } from '../report/benchmark.ts';
import { withPace } from '../report/pace.ts';
import { latenciesOf, round } from '../report/statistics.ts';
import { recordingOf } from '../recordings/recording.ts';
import { rows } from '../recordings/table.ts';
import { startSide, type SideName } from '../sides/sides.ts';
import { openStage, type Stage } from '../sides/stage.ts';
import { leaveOneCore } from '../sides/usage.ts';
import { answer, goodSteps, runRamp, talkOn, type Outcome, type Ramp, type RampOptions, type Step } from './ramp.ts';

const mostCalls = 8;
/** The costs of a call are told by the step with this many, or a smaller one where that one is void. */
const costCalls = 2;
const talkMs = { usual: 66_000, quick: 12_000 } as const;
const beyondExchanges = 6;
/** What the service is told to take where one call more is tried. */
const capacity = 2;
/** Idle, the two runs of a side may differ by this much of a core. */
const idleDifference = 0.04;
const fewestSamples = 10;
const perStepMs = { usual: 90_000, quick: 40_000 } as const;
const perRampMs = 75_000;

/** Nobody asks "are you still there?" while the callers of a step wait for each other: stock never does. */
const campaign = { silenceAskMs: 60_000, silenceGoodbyeMs: 120_000 };

const greeting = 'Hello, how can I help you?';
const question = 'parking';

const scenarioFor = (line: string) => ({
  name: 'calls',
  caller: [line],
  repeat: true,
  replies: [{ when: { instructions: 'Greet the user' }, say: greeting }],
  otherwise: 'There is a parking garage right next door.',
});

/** Takes as many calls as it was told to, and one more while they talk: it is refused in words, and they don't notice. */
const runBeyond = async (stage: Stage, { core, recording, progress }: RampOptions) => {
  await using side = await startSide('ours', stage, { core, env: { MAX_CALLS: String(capacity) } });
  await using stack = new AsyncDisposableStack();
  const callers: Caller[] = [];
  for (let call = 0; call < capacity; call += 1) callers.push(stack.use((await answer(side)).caller));
  const talkAll = async () => {
    const talking = callers.map((caller) => talkOn(caller, recording, (exchanges) => exchanges < beyondExchanges));
    const added = (await Promise.all(talking)).flat();
    const heard = added.filter((ms) => ms !== null);
    return { addedMs: latenciesOf(heard), missed: added.length - heard.length };
  };
  const before = await talkAll();
  const [meanwhile, extra] = await Promise.all([talkAll(), answer(side)]);
  stack.use(extra.caller);
  progress(`ours: told to take ${capacity} calls; the next one was ${extra.outcome}`);
  return { capacity, outcome: extra.outcome, before, meanwhile };
};

type Beyond = Awaited<ReturnType<typeof runBeyond>>;

/** The largest number of calls, up to `costCalls`, at which every ramp has a step that went well; null: there is none. */
const commonStep = (ramps: readonly Ramp[]): number | null => {
  for (let calls = costCalls; calls > 0; calls -= 1)
    if (ramps.every((ramp) => goodSteps(ramp).some((step) => step.calls === calls))) return calls;
  return null;
};

const meanOf = <T>(values: readonly T[], of: (one: T) => number): number =>
  round(values.reduce((sum, one) => sum + of(one), 0) / values.length, 3);

/** Per call beyond what the side uses idle, and in all. */
const costsOf = (ramps: readonly Ramp[], calls: number | null) => {
  const at = ramps.flatMap(({ base, steps }) =>
    steps.filter((step) => step.calls === calls).map((step) => ({ base, step })),
  );
  return {
    costCalls: calls,
    cpuPerCall: meanOf(at, ({ base, step }) => (step.cpu - base.cpu) / step.calls),
    pssMbPerCall: meanOf(at, ({ base, step }) => (step.pssMb - base.pssMb) / step.calls),
    cpuTotal: meanOf(at, ({ step }) => step.cpu),
    pssMbTotal: meanOf(at, ({ step }) => step.pssMb),
  };
};

const stepFigures = ({ calls, addedMs, missed, cpu, pssMb, otherLoad, outcomes }: Step) => ({
  ...{ calls, answered: outcomes.filter((outcome) => outcome === 'answered').length, missed },
  ...{ cpu: round(cpu, 3), otherLoad: round(otherLoad), pssMb: Math.round(pssMb), addedMs: latenciesOf(addedMs) },
});

const figuresOf = (ramps: readonly Ramp[], calls: number | null) => {
  const count = (wanted: Outcome) =>
    ramps.flatMap(({ steps }) => steps.flatMap(({ outcomes }) => outcomes.filter((one) => one === wanted))).length;
  const [full] = ramps;
  return {
    calls: full === undefined ? 0 : (goodSteps(full).at(-1)?.calls ?? 0),
    limit: full?.limit ?? null,
    ...{ unanswered: count('unanswered'), refused: count('refused') },
    ...costsOf(ramps, calls),
    cpuSecondsPerWholeCall: meanOf(ramps, ({ wholeCallCpuSeconds }) => wholeCallCpuSeconds),
    idleCpu: ramps.map(({ base }) => round(base.cpu, 3)),
    idlePssMb: ramps.map(({ base }) => Math.round(base.pssMb)),
    steps: ramps.flatMap(({ steps }) => steps.map(stepFigures)),
  };
};

type SideFigures = ReturnType<typeof figuresOf>;

const targetsOf = (ours: SideFigures, reference: SideFigures | null, { outcome, meanwhile }: Beyond): Target[] => [
  atMost('memory per call, ours / stock', ratioOf(ours.pssMbPerCall, reference?.pssMbPerCall), 0.25),
  atMost('CPU per call, ours / stock', ratioOf(ours.cpuPerCall, reference?.cpuPerCall), 0.7),
  atLeast('talking calls on one core', ours.calls, 5),
  {
    name: 'a call beyond capacity is refused in words, the others go on',
    value: meanwhile.missed,
    met: outcome === 'refused' && meanwhile.missed === 0,
  },
];

const problemsOf = (ramps: readonly Ramp[], calls: number | null, quick: boolean): string[] => {
  const sides = [...new Set(ramps.map(({ name }) => name))];
  const idle = (name: SideName) => ramps.flatMap((ramp) => (ramp.name === name ? [ramp.base.cpu] : []));
  const least = Math.min(
    ...ramps.flatMap(({ steps }) => steps.flatMap((one) => (one.calls === calls ? [one.addedMs.length] : []))),
  );
  return [
    ...problemsIf(
      [calls === null, 'there is no step that went well on both sides, with the other cores below 70 %'],
      [!quick && least < fewestSamples, `only ${least} replies in a step that tells the costs`],
    ),
    ...sides.flatMap((name) => {
      const difference = Math.max(...idle(name)) - Math.min(...idle(name));
      return problemsIf([
        difference > idleDifference,
        `${name}: the idle runs differ by ${round(difference, 3)} cores`,
      ]);
    }),
  ];
};

const upTo = (most: number): number[] => Array.from({ length: most }, (_, index) => index + 1);

type Run = Readonly<{ name: SideName; calls: readonly number[] }>;

/** ours, reference, reference, ours: what drifts on the machine affects both. */
const runsOf = (quick: boolean): Run[] => {
  if (quick) return (['ours', 'stock'] as const).map((name) => ({ name, calls: [1] }));
  return [
    ...(['ours', 'stock'] as const).map((name) => ({ name, calls: upTo(mostCalls) })),
    ...(['stock', 'ours'] as const).map((name) => ({ name, calls: [costCalls] })),
  ];
};

export const benchmark: Benchmark = async ({ quick, onlyOurs, loaded, ...options }) => {
  const row = rows.find(({ name }) => name === question);
  if (row === undefined) throw new Error('the question is missing');
  const size = quick ? 'quick' : 'usual';
  const runs = runsOf(quick).filter(({ name }) => !onlyOurs || name === 'ours');
  // A core carries about three calls: a fourth step is the last one.
  const steps = runs.reduce((sum, { calls }) => sum + Math.min(calls.length, 4), 0);
  const expectedMs = runs.length * perRampMs + steps * perStepMs[size] + 60_000;
  const progress = withPace(options.progress, expectedMs);
  const core = leaveOneCore();
  const shared = { core, recording: await recordingOf(row), talkMs: talkMs[size], loaded, progress };
  await using stage = await openStage({ scenario: scenarioFor(row.text), greeting, campaign, progress });
  const ramps: Ramp[] = [];
  for (const { name, calls } of runs) ramps.push(await runRamp(stage, name, { ...shared, calls }));
  const beyond = await runBeyond(stage, { ...shared, calls: [] });
  const common = commonStep(ramps);
  const of = (name: SideName) =>
    figuresOf(
      ramps.filter((ramp) => ramp.name === name),
      common,
    );
  const ours = of('ours');
  const reference = onlyOurs ? null : of('stock');
  return {
    ratio: ratioOf(ours.cpuPerCall, reference?.cpuPerCall),
    ours: { ...ours, beyond },
    reference,
    targets: targetsOf(ours, reference, beyond),
    problems: problemsOf(ramps, common, quick),
    samples: ramps,
  };
};
