/**
 * From dialling until the greeting is heard, call after call, with a pause between them; one warm process on either side, and the
 * reference with its default measure of load. A greeting whose first word is clipped counts as no answer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { speechRms } from '#src/simulators/caller/audio-in.ts';
import { synthesize } from '#src/simulators/speech/speech.ts';
import { latenciesOf, type Benchmark } from './report/benchmark.ts';
import { loudSpan, sampleRate } from './recordings/recording.ts';
import { startSide, type Side, type SideName } from './sides/sides.ts';
import { openStage } from './sides/stage.ts';
import { whenSilent } from './sides/utterance.ts';

const callsPerBlock = 15;
const pauseMs = 2_500;
const patienceMs = 15_000;
/** What the line may take off the ends of a sound. */
const toleranceMs = 70;
/** The voice of both sides, unless told otherwise. */
const voice = 'alloy';
/** One clause of one sentence, so that nobody has reason to say it in pieces. */
const greeting = 'This is the front desk of Bright Smile Dental';

const scenario = { name: 'pickup', otherwise: greeting };

type Sample = Readonly<{
  side: SideName;
  block: number;
  /** Null: nothing was heard. */
  heardMs: number | null;
  /** From the greeting's first loud 10 ms to its last. */
  spanMs: number | null;
  /** Loud sound that came before the line was through. */
  lostMs: number;
  isAnswered: boolean;
}>;

/** How long the greeting sounds when all of it is heard. */
const wholeSpanMs = async (): Promise<number> => {
  const { start, end } = loudSpan(await synthesize(greeting, { voice, sampleRate }));
  return ((end - start) / sampleRate) * 1000;
};

const runCall = async (side: Side, wholeMs: number): Promise<Omit<Sample, 'side' | 'block'>> => {
  await using caller = await side.phone();
  const heard = await caller.whenAgentSpeaks({ timeoutMs: patienceMs, since: caller.dialedAt }).catch(() => null);
  if (heard === null) return { heardMs: null, spanMs: null, lostMs: caller.audioIn.clippedMs(), isAnswered: false };
  await whenSilent(caller);
  const loud = caller.audioIn.frames.filter(({ rms }) => rms > speechRms);
  const spanMs = (loud.at(-1)?.at ?? heard) - heard + 10;
  const lostMs = caller.audioIn.clippedMs();
  const isAnswered = lostMs === 0 && spanMs >= wholeMs - toleranceMs;
  return { heardMs: heard - caller.dialedAt, spanMs: Math.round(spanMs), lostMs, isAnswered };
};

const figuresOf = (samples: readonly Sample[]) => ({
  pickupMs: latenciesOf(
    samples.flatMap(({ heardMs, isAnswered }) => (isAnswered && heardMs !== null ? [heardMs] : [])),
  ),
  unanswered: samples.filter(({ isAnswered }) => !isAnswered).length,
  /** Of these: the first word was clipped. */
  clipped: samples.filter(({ isAnswered, heardMs }) => !isAnswered && heardMs !== null).length,
  calls: samples.length,
});

/** ours, reference, reference, ours: whatever drifts on the machine hits both. */
const order: readonly SideName[] = ['ours', 'stock', 'stock', 'ours'];

export const benchmark: Benchmark = async ({ progress, quick, onlyOurs }) => {
  const wholeMs = await wholeSpanMs();
  progress(`The whole greeting is ${Math.round(wholeMs)} ms of sound.`);
  await using stage = await openStage({ scenario, greeting, progress });
  const samples: Sample[] = [];
  const blocks = (quick ? order.slice(0, 2) : order).filter((name) => !onlyOurs || name === 'ours');
  for (const [block, name] of blocks.entries()) {
    await using side = await startSide(name, stage, { idleProcesses: 1 });
    for (let call = 0; call < (quick ? 5 : callsPerBlock); call += 1) {
      await sleep(pauseMs);
      const sample = { side: name, block, ...(await runCall(side, wholeMs)) };
      samples.push(sample);
      progress(`  ${JSON.stringify(sample)}`);
    }
  }
  const ours = figuresOf(samples.filter(({ side }) => side === 'ours'));
  const reference = onlyOurs ? null : figuresOf(samples.filter(({ side }) => side === 'stock'));
  const ratio = reference && Math.round((ours.pickupMs.p50 / reference.pickupMs.p50) * 1000) / 1000;
  return { ratio, ours, reference, samples };
};
