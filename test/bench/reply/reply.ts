/**
 * How long after the caller's last word the reply is heard, beyond what the providers take; and how often the agent speaks
 * into an utterance that isn't over. Each is worthless without the other.
 */
import { atMost, problemsIf, ratioOf, type Benchmark, type Target } from '../report/benchmark.ts';
import { withPace } from '../report/pace.ts';
import { latenciesOf, ratioInterval, round } from '../report/statistics.ts';
import { heldOutRows } from '../recordings/held-out.ts';
import { recordingsOf, type Recording } from '../recordings/recording.ts';
import { shuffle } from '../recordings/sound.ts';
import { rows } from '../recordings/table.ts';
import { newTally, phoneUntilAnswered, type Tally } from '../sides/phone.ts';
import { startSide, type Side, type SideName } from '../sides/sides.ts';
import { openStage, type Stage } from '../sides/stage.ts';
import { exchange, whenSilent } from '../sides/utterance.ts';
import { addedMsNoLeadInOf, addedMsOf, figuresOf, type Sample, type SideFigures, type Variant } from './figures.ts';
import { greeting, scenario } from './scenario.ts';

const perCall = 11;
/** Of the table, what both sides hear: with the held-out ones 44 utterances. */
const commonFromTable = 28;
const forSelection = 12;
const candidates = ['default', 'vad', 'stt'] as const;
const perUtteranceMs = 9_000;
const perBlockMs = 25_000;
const mostDropped = 3;
const seed = 7;

type Run = Readonly<{
  stage: Stage;
  side: Side;
  variant: Variant;
  block: number;
  tally: Tally;
  progress: (line: string) => void;
}>;

const isHeldOut = ({ row }: Recording): boolean => heldOutRows.includes(row);

const droppedSample = (run: Run, recording: Recording): Sample => ({
  ...{ variant: run.variant, block: run.block, isHeldOut: isHeldOut(recording) },
  ...{ recording: recording.row.name, kind: recording.row.kind, treatments: recording.row.treatments ?? [] },
  ...{ pauses: recording.pauses.length, cutInMs: null, heardMs: null, understood: false, turn: 0 },
});

const describe = ({ variant, recording, treatments, pauses, cutInMs, heardMs, understood }: Sample): string => {
  const noReply = heardMs === null ? 'no reply' : `heard after ${Math.round(heardMs)} ms`;
  const outcome = cutInMs === null ? noReply : `cut in ${Math.round(cutInMs)} ms before the end`;
  const kind = [...(pauses > 0 ? ['pauses'] : []), ...treatments].join(', ');
  return `${variant}: ${recording}${kind === '' ? '' : ` (${kind})`}: ${outcome}${understood ? '' : ', not all understood'}`;
};

/** Several utterances in one call; those after the call's unexpected end are left to the next one. */
const runCall = async (run: Run, recordings: readonly Recording[]): Promise<Sample[]> => {
  const { stage, side, variant, block, tally, progress } = run;
  await stage.providers.setScenario(scenario);
  await using caller = await phoneUntilAnswered(side, variant === 'ours' ? {} : { metadata: variant }, run);
  await whenSilent(caller);
  const samples: Sample[] = [];
  for (const recording of recordings) {
    try {
      const result = await exchange(caller, stage.providers, recording, tally);
      const sample = { ...result, variant, block, isHeldOut: isHeldOut(recording) };
      samples.push(sample);
      progress(`  ${describe(sample)}`);
    } catch (error) {
      tally.dropped += 1;
      progress(`${variant}: ${recording.row.name}: ${String(error)}`);
      return [...samples, droppedSample(run, recording)];
    }
  }
  return samples;
};

const runVariant = async (run: Run, recordings: readonly Recording[]): Promise<Sample[]> => {
  const samples: Sample[] = [];
  while (samples.length < recordings.length)
    samples.push(...(await runCall(run, recordings.slice(samples.length, samples.length + perCall))));
  const { p50, p95 } = latenciesOf(addedMsOf(samples));
  run.progress(`${run.variant}: added p50 ${p50} ms, p95 ${p95} ms`);
  return samples;
};

type Part = Readonly<{ variant: Variant; recordings: readonly Recording[] }>;

/** A lab measures parts, one side after the other, and keeps count. */
type Lab = Readonly<{ stage: Stage; tallies: Readonly<Record<Variant, Tally>>; progress: (line: string) => void }>;

const runBlock = async (lab: Lab, name: SideName, block: number, parts: readonly Part[]): Promise<Sample[]> => {
  // Whether stock takes calls on a busy machine is a question of another benchmark.
  await using side = await startSide(name, lab.stage, { env: { STOCK_TAKES_EVERY_CALL: '1' } });
  const samples: Sample[] = [];
  for (const { variant, recordings } of parts)
    samples.push(...(await runVariant({ ...lab, side, variant, block, tally: lab.tallies[variant] }, recordings)));
  return samples;
};

/** So many, half of them with pauses. */
const few = (recordings: readonly Recording[], count: number): Recording[] => {
  const shuffled = shuffle(recordings, seed);
  return [
    ...shuffled.filter(({ pauses }) => pauses.length > 0).slice(0, count / 2),
    ...shuffled.filter(({ pauses }) => pauses.length === 0).slice(0, count / 2),
  ];
};

type Selection = Readonly<{ fastest: Variant; samples: readonly Sample[] }>;

const selectFastest = async (lab: Lab, recordings: readonly Recording[]): Promise<Selection> => {
  const parts = candidates.map((variant) => ({ variant, recordings: few(recordings, forSelection) }));
  const samples = await runBlock(lab, 'stock', 0, parts);
  const p50Of = (variant: Variant) => latenciesOf(addedMsOf(samples.filter((one) => one.variant === variant))).p50;
  const fastest = candidates.toSorted((a, b) => p50Of(a) - p50Of(b))[0] ?? 'default';
  lab.progress(`The fastest of stock's modes on ${forSelection} utterances: ${fastest}`);
  return { fastest, samples };
};

type Sets = Readonly<{ all: readonly Recording[]; common: readonly Recording[] }>;

const setsOf = async (): Promise<Sets> => {
  const [fromTable, heldOut] = [await recordingsOf(rows), await recordingsOf(heldOutRows)];
  const common = [...few(fromTable, commonFromTable), ...heldOut];
  const rest = fromTable.filter((recording) => !common.includes(recording));
  return { all: shuffle([...common, ...rest], seed), common: shuffle(common, seed + 1) };
};

const halves = <T>(elements: readonly T[]): [T[], T[]] => {
  const middle = Math.ceil(elements.length / 2);
  return [elements.slice(0, middle), elements.slice(middle)];
};

/** ours, reference, reference, ours: what drifts on the machine affects both. */
const runAll = async (lab: Lab, { all, common }: Sets, fastest: Variant): Promise<Sample[]> => {
  const [first, second] = halves(all);
  const [commonFirst, commonSecond] = halves(common);
  return [
    ...(await runBlock(lab, 'ours', 1, [{ variant: 'ours', recordings: first }])),
    ...(await runBlock(lab, 'stock', 2, [
      { variant: fastest, recordings: commonFirst },
      { variant: 'tuned', recordings: commonFirst },
      { variant: 'tuned', recordings: commonSecond },
      { variant: fastest, recordings: commonSecond },
    ])),
    ...(await runBlock(lab, 'ours', 3, [{ variant: 'ours', recordings: second }])),
  ];
};

const runQuick = async (lab: Lab, { all }: Sets, onlyOurs: boolean): Promise<Sample[]> => {
  const ours = await runBlock(lab, 'ours', 1, [{ variant: 'ours', recordings: few(all, onlyOurs ? 12 : 8) }]);
  if (onlyOurs) return ours;
  const parts = (['vad', 'tuned'] as const).map((variant) => ({ variant, recordings: few(all, 4) }));
  return [...ours, ...(await runBlock(lab, 'stock', 2, parts))];
};

type Ratios = Readonly<{ ratio: number | null; tunedRatio: number | null; ratioCi95: readonly number[] | null }>;

/** Of the utterances that both sides heard, by the replies without a lead-in phrase. */
const ratiosOf = (samples: readonly Sample[], fastest: Variant): Ratios => {
  const stock = samples.filter(({ variant }) => variant === fastest);
  const names = new Set(stock.map(({ recording }) => recording));
  const ours = samples.filter(({ variant, recording }) => variant === 'ours' && names.has(recording));
  const added = [ours, stock, samples.filter(({ variant }) => variant === 'tuned')].map(addedMsNoLeadInOf);
  const [oursMs = [], stockMs = [], tunedMs = []] = added;
  if (stock.length === 0) return { ratio: null, tunedRatio: null, ratioCi95: null };
  const p50 = latenciesOf(oursMs).p50;
  return {
    ratio: ratioOf(p50, latenciesOf(stockMs).p50),
    tunedRatio: ratioOf(p50, latenciesOf(tunedMs).p50),
    ratioCi95: ratioInterval(oursMs, stockMs),
  };
};

const shareOf = ({ falseCutIns, pauses }: SideFigures): number => round((100 * falseCutIns) / pauses);

const targetsOf = (ours: SideFigures, { ratio, tunedRatio }: Ratios, bestFalseCutIns: number | null): Target[] => [
  atMost('added p50 without lead-in in ms', ours.addedMsNoLeadIn.p50, 190),
  atMost('added p95 without lead-in in ms', ours.addedMsNoLeadIn.p95, 300),
  atMost('added p50 with lead-in in ms', ours.addedMsLeadIn.p50, 60),
  atMost("added p50 without lead-in, ours / stock's fastest", ratio, 0.2),
  atMost('added p50 without lead-in, ours / tuned stock', tunedRatio, 0.4),
  atMost('our false cut-ins in % of the pauses', shareOf(ours), 1),
  ...(bestFalseCutIns === null
    ? []
    : [atMost('our false cut-ins in %, at most those of stock', shareOf(ours), bestFalseCutIns)]),
];

/** @param planned the utterances of a whole run; null in one that doesn't count, where a few replies are enough */
const problemsOf = (name: string, figures: SideFigures, planned: number | null): string[] =>
  problemsIf(
    [figures.utterances < (planned ?? 0), `${name}: ${figures.utterances} of ${planned ?? 0} utterances`],
    [figures.addedMsUnfiltered.n === 0, `${name}: no reply at all`],
    [
      planned !== null && (figures.addedMsNoLeadIn.n === 0 || figures.addedMsLeadIn.n === 0),
      `${name}: too few replies`,
    ],
    [figures.dropped > mostDropped, `${name}: ${figures.dropped} calls ended unexpectedly`],
  );

const expectedMsOf = ({ all, common }: Sets, quick: boolean, onlyOurs: boolean): number => {
  if (quick) return (onlyOurs ? 12 : 16) * perUtteranceMs + 2 * perBlockMs;
  const stock = onlyOurs ? 0 : 2 * common.length + candidates.length * forSelection;
  return (all.length + stock) * perUtteranceMs + 4 * perBlockMs;
};

export const benchmark: Benchmark = async ({ quick, onlyOurs, ...options }) => {
  const sets = await setsOf();
  const progress = withPace(options.progress, expectedMsOf(sets, quick, onlyOurs));
  await using stage = await openStage({ scenario, greeting, progress });
  const tallies = {
    ...{ ours: newTally(), tuned: newTally() },
    ...{ default: newTally(), vad: newTally(), stt: newTally() },
  } satisfies Record<Variant, Tally>;
  const lab = { stage, tallies, progress };
  const isWhole = !quick && !onlyOurs;
  const selection: Selection = isWhole ? await selectFastest(lab, sets.common) : { fastest: 'vad', samples: [] };
  const { fastest } = selection;
  const oursOnly = () => runBlock(lab, 'ours', 1, [{ variant: 'ours', recordings: sets.all }]);
  const samples = await (quick ? runQuick(lab, sets, onlyOurs) : onlyOurs ? oursOnly() : runAll(lab, sets, fastest));
  return resultOf({ samples, selection, tallies, onlyOurs, planned: isWhole ? sets : null });
};

type Measured = Readonly<{
  samples: readonly Sample[];
  selection: Selection;
  tallies: Readonly<Record<Variant, Tally>>;
  onlyOurs: boolean;
  /** Null: a run that doesn't count. */
  planned: Sets | null;
}>;

const resultOf = ({ samples, selection, tallies, onlyOurs, planned }: Measured) => {
  const { fastest } = selection;
  const of = (variant: Variant, among = samples) =>
    figuresOf(
      among.filter((sample) => sample.variant === variant),
      tallies[variant],
    );
  const [ours, stock, tuned] = [of('ours'), of(fastest), of('tuned')];
  const ratios = ratiosOf(samples, fastest);
  const best = stock.falseCutIns <= tuned.falseCutIns ? stock : tuned;
  const selected = candidates.map((variant) => ({ variant, ...of(variant, selection.samples) }));
  const modes = selected.map(({ variant, addedMs, falseCutIns, pauses, missed }) => ({
    ...{ variant, addedMs, falseCutIns, pauses, missed },
  }));
  const reference = { variant: fastest, ...stock, bestFalseCutIns: best.falseCutIns, tuned, modes };
  return {
    ratio: ratios.ratio,
    ours: { ...ours, tunedRatio: ratios.tunedRatio, ratioCi95: ratios.ratioCi95 },
    reference: onlyOurs ? null : reference,
    targets: targetsOf(ours, ratios, onlyOurs ? null : shareOf(best)),
    problems: [
      ...problemsOf('ours', ours, planned?.all.length ?? null),
      ...(onlyOurs ? [] : problemsOf(fastest, stock, planned?.common.length ?? null)),
      ...(onlyOurs ? [] : problemsOf('tuned', tuned, planned?.common.length ?? null)),
    ],
    samples: [...selection.samples, ...samples],
  };
};
