/**
 * From dialing until the greeting is heard, call after call with a pause between them; one warm call host on either side, and the
 * reference with its default measure of load. A greeting whose first word is clipped counts as unanswered.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { speechRms } from '#src/simulators/caller/audio-in.ts';
import { synthesize } from '#src/simulators/speech/speech.ts';
import { atMost, ratioOf, type Benchmark } from './report/benchmark.ts';
import { withPace } from './report/pace.ts';
import { latenciesOf, ratioInterval } from './report/statistics.ts';
import { loudSpan, sampleRate } from './recordings/recording.ts';
import { startSide, type Side, type SideName } from './sides/sides.ts';
import { openStage } from './sides/stage.ts';
import type { StockVariant } from './sides/stock-variants.ts';
import { whenSilent } from './sides/utterance.ts';

const pauseMs = 2_500;
const timeoutMs = 15_000;
const perCallMs = 7_000;
const perBlockMs = 15_000;
/** What the line may take off the ends of a sound. */
const toleranceMs = 70;
/** The voice of both sides. */
const voice = 'alloy';
/** One clause of one sentence, so that no side has a reason to say it in pieces. */
const greeting = 'This is the front desk of Bright Smile Dental';

const scenario = { name: 'pickup', otherwise: greeting };

type Variant = 'ours' | Extract<StockVariant, 'default' | 'say' | 'say-prepared'>;
const stockVariants = ['default', 'say', 'say-prepared'] as const;

type Sample = Readonly<{
  variant: Variant;
  block: number;
  /** Null: nothing was heard. */
  heardMs: number | null;
  /** From the greeting's first loud 10 ms to its last. */
  spanMs: number | null;
  /** Loud sound that came before the caller could hear. */
  lostMs: number;
  isAnswered: boolean;
}>;

/** How long the greeting sounds when all of it is heard. */
const wholeSpanMs = async (): Promise<number> => {
  const { start, end } = loudSpan(await synthesize(greeting, { voice, sampleRate }));
  return ((end - start) / sampleRate) * 1000;
};

const runCall = async (side: Side, variant: Variant, wholeMs: number): Promise<Omit<Sample, 'variant' | 'block'>> => {
  await using caller = await side.phone(variant === 'ours' ? {} : { metadata: variant });
  const heard = await caller.whenAgentSpeaks({ timeoutMs, since: caller.dialedAt }).catch(() => null);
  if (heard === null) return { heardMs: null, spanMs: null, lostMs: caller.audioIn.clippedMs(), isAnswered: false };
  await whenSilent(caller);
  const loud = caller.audioIn.frames.filter(({ rms }) => rms > speechRms);
  const spanMs = (loud.at(-1)?.at ?? heard) - heard + 10;
  const lostMs = caller.audioIn.clippedMs();
  const isAnswered = lostMs === 0 && spanMs >= wholeMs - toleranceMs;
  return { heardMs: heard - caller.dialedAt, spanMs: Math.round(spanMs), lostMs, isAnswered };
};

const answeredMs = (samples: readonly Sample[]): number[] =>
  samples.flatMap(({ heardMs, isAnswered }) => (isAnswered && heardMs !== null ? [heardMs] : []));

const figuresOf = (samples: readonly Sample[]) => ({
  pickupMs: latenciesOf(answeredMs(samples)),
  unanswered: samples.filter(({ isAnswered }) => !isAnswered).length,
  /** Of these: something was heard, but not the whole greeting. */
  clipped: samples.filter(({ isAnswered, heardMs }) => !isAnswered && heardMs !== null).length,
  calls: samples.length,
});

type Block = Readonly<{ side: SideName; calls: readonly Variant[] }>;

const times = (variant: Variant, count: number): Variant[] => Array.from({ length: count }, () => variant);

/** ours, reference, reference, ours: what drifts on the machine affects both. The stock variants take turns within a block. */
const blocksOf = (quick: boolean): Block[] => {
  if (quick)
    return [
      { side: 'ours', calls: times('ours', 4) },
      { side: 'stock', calls: stockVariants.flatMap((variant) => times(variant, 2)) },
    ];
  const ours: Block = { side: 'ours', calls: times('ours', 15) };
  const round: readonly Variant[] = [
    'default',
    'say-prepared',
    'default',
    'say-prepared',
    'default',
    'say-prepared',
    'say',
  ];
  const stock: Block = { side: 'stock', calls: Array.from({ length: 5 }, () => round).flat() };
  return [ours, stock, stock, ours];
};

/** Unanswered calls of ours miss a target; those of stock are part of its result, unless hardly any was answered. */
const problemsOf = (samples: readonly Sample[], variants: readonly Variant[]): string[] =>
  variants.flatMap((variant) => {
    const own = samples.filter((sample) => sample.variant === variant);
    const answered = answeredMs(own).length;
    return answered < own.length / 2 || answered === 0
      ? [`${variant}: only ${answered} of ${own.length} calls were answered`]
      : [];
  });

export const benchmark: Benchmark = async ({ quick, onlyOurs, loaded, ...options }) => {
  const wholeMs = await wholeSpanMs();
  const blocks = blocksOf(quick).filter(({ side }) => !onlyOurs || side === 'ours');
  const calls = blocks.reduce((sum, block) => sum + block.calls.length, 0);
  const progress = withPace(options.progress, calls * perCallMs + (blocks.length + 1) * perBlockMs);
  progress(`The whole greeting is ${Math.round(wholeMs)} ms of sound.`);
  await using stage = await openStage({ scenario, greeting, progress });
  const samples: Sample[] = [];
  for (const [block, { side: name, calls: variants }] of blocks.entries()) {
    // On a busy machine stock would take no call at all.
    const env = { STOCK_GREETING: greeting, ...(loaded && { STOCK_TAKES_EVERY_CALL: '1' }) };
    await using side = await startSide(name, stage, { idleProcesses: 1, env });
    for (const variant of variants) {
      await sleep(pauseMs);
      const sample = { variant, block, ...(await runCall(side, variant, wholeMs)) };
      samples.push(sample);
      progress(`  ${JSON.stringify(sample)}`);
    }
  }
  const of = (variant: Variant) => samples.filter((sample) => sample.variant === variant);
  const ours = figuresOf(of('ours'));
  const [stock, say, prepared] = onlyOurs ? [] : stockVariants.map((variant) => figuresOf(of(variant)));
  const reference = stock && { variant: 'quickstart', ...stock, say, sayPrepared: prepared };
  const ratio = ratioOf(ours.pickupMs.p50, stock?.pickupMs.p50);
  const preparedRatio = ratioOf(ours.pickupMs.p50, prepared?.pickupMs.p50);
  return {
    ratio,
    ours: { ...ours, preparedRatio, ratioCi95: ratioInterval(answeredMs(of('ours')), answeredMs(of('default'))) },
    reference: reference ?? null,
    targets: [
      atMost('our unanswered calls', ours.unanswered, 0),
      atMost("median, ours / the quickstart's", ratio, 0.5),
      atMost('median, ours / `say` with prepared audio', preparedRatio, 0.8),
      atMost('p95 in ms', ours.pickupMs.p95, 1_000),
    ],
    problems: problemsOf(samples, onlyOurs ? ['ours'] : ['ours', ...stockVariants]),
    samples,
  };
};
