/**
 * How long after the caller's last word the reply is heard, beyond what the providers take; and how often the agent speaks
 * into an utterance that isn't over. The one is worthless without the other.
 */
import { latenciesOf, type Benchmark } from './report/benchmark.ts';
import { phoneUntilAnswered } from './sides/phone.ts';
import { allRecordings, type Recording } from './recordings/recording.ts';
import { shuffle } from './recordings/sound.ts';
import { startSide, type Side, type SideName } from './sides/sides.ts';
import { openStage, providersMs, type Stage } from './sides/stage.ts';
import { exchange, whenSilent, type Exchange } from './sides/utterance.ts';

export const variants = ['ours', 'stock', 'stock-vad', 'stock-stt'] as const;
export type Variant = (typeof variants)[number];
type Sample = Exchange & { variant: Variant; round: number };

const perCall = 11;

const replies = [
  'Of course, I can look that up for you right now.',
  'Yes, we are open until six, and on Friday until two.',
  'Thank you. I have written that down for the doctor.',
  'I am sorry to hear that, let me find you an early appointment.',
  'That is no problem at all. What time would suit you best?',
  'The earliest appointment is on Thursday at half past nine.',
  'Sure, we will call you back this afternoon.',
  'I see. Could you tell me a little more about it?',
];

export const greeting = 'Hello, how can I help you?';

const scenario = {
  name: 'reply',
  replies: [
    ...Array.from({ length: 30 }, (_, n) => ({ when: { turn: n + 1 }, say: replies[n % replies.length] ?? '' })),
    { when: { instructions: 'Greet the user' }, say: greeting },
  ],
};

const metadataOf = (variant: Variant): { metadata?: string } =>
  variant === 'ours' || variant === 'stock' ? {} : { metadata: variant.slice('stock-'.length) };

type Run = { stage: Stage; side: Side; variant: Variant; round: number; progress: (line: string) => void };

const silentRow = (recording: Recording): Exchange => ({
  recording: recording.row.name,
  kind: recording.row.kind,
  treatments: recording.row.treatments ?? [],
  pauses: recording.pauses.length,
  ...{ cutInMs: null, heardMs: null, understood: false },
});

/** Several utterances in one call; those after the call's unexpected end are left to the next one. */
const runCall = async (run: Run, recordings: readonly Recording[]): Promise<Sample[]> => {
  const { stage, side, variant, round, progress } = run;
  await stage.providers.setScenario(scenario);
  await using caller = await phoneUntilAnswered(side, metadataOf(variant), progress);
  await whenSilent(caller);
  const samples: Sample[] = [];
  for (const recording of recordings) {
    try {
      samples.push({ ...(await exchange(caller, stage.providers, recording)), variant, round });
    } catch (error) {
      progress(`${variant}: ${recording.row.name}: ${String(error)}`);
      samples.push({ ...silentRow(recording), variant, round });
      return samples;
    }
    progress(`  ${describe(samples.at(-1))}`);
  }
  return samples;
};

const describe = (sample: Sample | undefined): string => {
  if (sample === undefined) return '';
  const { variant, recording, treatments, pauses, cutInMs, heardMs, understood } = sample;
  const outcome =
    cutInMs !== null
      ? `cut in ${Math.round(cutInMs)} ms before the end`
      : heardMs === null
        ? 'no reply'
        : `heard after ${Math.round(heardMs)} ms`;
  const kind = [...(pauses > 0 ? ['pauses'] : []), ...treatments].join(', ');
  return `${variant}: ${recording}${kind === '' ? '' : ` (${kind})`}: ${outcome}${understood ? '' : ', not all understood'}`;
};

const runVariant = async (run: Run, recordings: readonly Recording[]): Promise<Sample[]> => {
  const samples: Sample[] = [];
  while (samples.length < recordings.length)
    samples.push(...(await runCall(run, recordings.slice(samples.length, samples.length + perCall))));
  const { addedMs, falseCutIns } = figuresOf(samples);
  run.progress(
    `${run.variant}, round ${run.round}: added p50 ${addedMs.p50} ms, p95 ${addedMs.p95} ms, ${falseCutIns} false cut-ins`,
  );
  return samples;
};

const figuresOf = (samples: readonly Sample[]) => {
  // An answer to a part of the utterance is no answer to it.
  const heard = samples.flatMap(({ heardMs, understood }) => (heardMs === null || !understood ? [] : [heardMs]));
  const withPauses = samples.filter(({ pauses }) => pauses > 0);
  return {
    addedMs: latenciesOf(heard.map((ms) => ms - providersMs)),
    heardMs: latenciesOf(heard),
    falseCutIns: withPauses.filter(({ cutInMs }) => cutInMs !== null).length,
    utterances: samples.length,
    utterancesWithPauses: withPauses.length,
    /** Into utterances without a pause. */
    otherCutIns: samples.filter(({ pauses, cutInMs }) => pauses === 0 && cutInMs !== null).length,
    missed: samples.filter(({ cutInMs, heardMs }) => cutInMs === null && heardMs === null).length,
    notAllUnderstood: samples.filter(({ understood }) => !understood).length,
  };
};

/** ours, reference, reference, ours: whatever drifts on the machine hits both. */
const orderOf = (round: number): SideName[] => (round % 2 === 1 ? ['ours', 'stock'] : ['stock', 'ours']);

type Round = Pick<Run, 'stage' | 'round' | 'progress'> & {
  names: readonly SideName[];
  recordings: readonly Recording[];
};

const runRound = async ({ stage, round, names, recordings, progress }: Round): Promise<Sample[]> => {
  const samples: Sample[] = [];
  for (const name of names) {
    // Whether it takes calls on a busy machine is another benchmark's question.
    await using side = await startSide(name, stage, { env: { STOCK_TAKES_EVERY_CALL: '1' } });
    for (const variant of variants.filter((one) => one.startsWith(name)))
      samples.push(...(await runVariant({ stage, side, variant, round, progress }, shuffle(recordings, round))));
  }
  return samples;
};

/** For a quick run: a few of each sort. */
const few = (recordings: readonly Recording[]): Recording[] => {
  const shuffled = shuffle(recordings, 7);
  return [
    ...shuffled.filter(({ pauses }) => pauses.length > 0).slice(0, 5),
    ...shuffled.filter(({ pauses }) => pauses.length === 0).slice(0, 5),
  ];
};

const referenceOf = (samples: readonly Sample[]) => {
  const stock = variants
    .filter((variant) => variant !== 'ours')
    .map((variant) => ({ variant, ...figuresOf(samples.filter((sample) => sample.variant === variant)) }));
  const [fastest] = stock.toSorted((a, b) => a.addedMs.p50 - b.addedMs.p50);
  if (fastest === undefined) throw new Error('there is no reference');
  return { ...fastest, falseCutIns: Math.min(...stock.map((one) => one.falseCutIns)), all: stock };
};

export const benchmark: Benchmark = async ({ progress, quick, onlyOurs, rounds }) => {
  const every = await allRecordings();
  const recordings = quick ? few(every) : every;
  await using stage = await openStage({ scenario, greeting, progress });
  const samples: Sample[] = [];
  for (let round = 1; round <= (quick ? 1 : (rounds ?? 3)); round += 1) {
    const names = onlyOurs ? (['ours'] as const) : orderOf(round);
    samples.push(...(await runRound({ stage, round, names, recordings, progress })));
  }
  const ours = figuresOf(samples.filter(({ variant }) => variant === 'ours'));
  const reference = onlyOurs ? null : referenceOf(samples);
  const ratio = reference && Math.round((ours.addedMs.p50 / reference.addedMs.p50) * 1000) / 1000;
  return { ratio, ours, reference, samples };
};
