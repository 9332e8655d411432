/**
 * The caller speaks over the agent: how long until the agent is silent. And the caller who says "uh-huh", coughs, or lets a door slam:
 * an agent that stops for that is wrong.
 *
 * Glossary
 *   silentMs     from the caller's first loud sample to the agent's last loud frame before its next turn
 *   pause        silence within the reply, of at least 300 ms and longer than any of an undisturbed reply
 *   finished     the whole reply was heard, whatever the pauses
 *   false stop   a reply that wasn't finished, though the caller only listened
 *   disturbed    a false stop, or a pause
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs, type Caller, type Played } from '#src/simulators/caller/caller.ts';
import { speechRms } from '#src/simulators/caller/audio-in.ts';
import { atMost, problemsIf, ratioOf, type Benchmark } from './report/benchmark.ts';
import { withPace } from './report/pace.ts';
import { latenciesOf, median, ratioInterval } from './report/statistics.ts';
import { backchannels, interruptions, noises, noiseSamples } from './recordings/interjections.ts';
import { recordingOf, recordingsOf, type Recording } from './recordings/recording.ts';
import { randomFrom, shuffle } from './recordings/sound.ts';
import { rows } from './recordings/table.ts';
import { newTally, phoneUntilAnswered, type Tally } from './sides/phone.ts';
import { startSide, type Side, type SideName } from './sides/sides.ts';
import { openStage, type Stage } from './sides/stage.ts';
import { sayRecording, whenSilent } from './sides/utterance.ts';

const perCall = 6;
/** When the interjection begins, after the reply's first sound. */
const earliestMs = 2_000;
const latestMs = 4_000;
const replyTimeoutMs = 15_000;
/** A reply that has been silent this long is over: stock resumes two seconds after a false interruption. */
const overMs = 2_600;
const shortestPauseMs = 300;
/** The next turn's reply can't be heard sooner after the caller's last word. */
const nextTurnMs = 300;
/** An agent that has spoken less in the second before the interjection isn't in the middle of its reply. */
const speakingMs = 400;
const attempts = 3;
/** The share of an undisturbed reply's sound that counts as all of it. */
const wholeReply = { from: 0.93, to: 1.07 };
const perTrialMs = 13_000;
const perBlockMs = 20_000;

const greeting = 'Hello, how can I help you?';
const longReply =
  'We are open from Monday to Thursday between eight in the morning and six in the evening, and on Friday from eight ' +
  'until two in the afternoon.';

const scenario = {
  name: 'interrupt',
  replies: [
    { when: 'opening hours', say: longReply },
    { when: 'huh', say: 'I see.' },
    { when: 'mhm', say: 'I see.' },
    { when: { instructions: 'Greet the user' }, say: greeting },
  ],
  otherwise: 'Sure, go ahead.',
};

type Variant = 'ours' | 'default' | 'tuned';
type Sort = 'real' | 'backchannel' | 'noise' | 'none';
type Interjection = Readonly<{ sort: Sort; name: string; recording: Recording | null; samples: Int16Array }>;

type Sample = Readonly<{
  variant: Variant;
  round: number;
  sort: Sort;
  name: string;
  atMs: number;
  /** `real` only: null where the agent spoke on. */
  silentMs: number | null;
  /** The longest silence from the interjection on. */
  longestGapMs: number;
  /** How much of the reply was sound. */
  loudMs: number;
}>;

type Trial = { stage: Stage; caller: Caller; question: Recording; tally: Tally };

/** The agent's loud frames of a time, in ms since the epoch. */
const loudIn = (caller: Caller, from: number, to: number): number[] =>
  caller.audioIn.frames.flatMap(({ at, rms }) => (at >= from && at <= to && rms > speechRms ? [at] : []));

const longestGap = (loud: readonly number[], from: number): number =>
  loud.reduce((longest, at, index) => {
    const before = loud[index - 1];
    return before !== undefined && at > from ? Math.max(longest, at - before - 10) : longest;
  }, 0);

const interject = async (
  { stage, caller }: Trial,
  { sort, recording, samples }: Interjection,
): Promise<Played | null> => {
  if (sort === 'none') return null;
  return recording === null ? caller.startSpeaking(samples).done : sayRecording(caller, stage.providers, recording);
};

/** Asks, and waits until `atMs` of the long reply; returns when that began. @throws where there is no such reply */
const untilInReply = async ({ stage, caller, question, tally }: Trial, atMs: number): Promise<number> => {
  for (let attempt = 1; ; attempt += 1) {
    const { lastSampleAt } = await sayRecording(caller, stage.providers, question);
    const startedAt = await caller.whenAgentSpeaks({ timeoutMs: replyTimeoutMs, since: lastSampleAt });
    await sleep(Math.max(0, startedAt + atMs - nowMs()));
    if (loudIn(caller, nowMs() - 1_000, nowMs()).length * 10 >= speakingMs) return startedAt;
    // It was a sound of the turn before, or the agent broke off without any interjection.
    tally.repeats += 1;
    if (attempt === attempts) throw new Error('the agent does not keep to its long reply');
    await whenSilent(caller, overMs);
  }
};

/** One question, its long reply, and what the caller puts into it. @throws where the call ends */
const runTrial = async (trial: Trial, interjection: Interjection, atMs: number) => {
  const { caller } = trial;
  const { sort, name } = interjection;
  const startedAt = await untilInReply(trial, atMs);
  const said = await interject(trial, interjection);
  const beganAt = said?.firstSampleAt ?? startedAt + atMs;
  await whenSilent(caller, overMs);
  const loud = loudIn(caller, startedAt, Infinity);
  const untilAt = (said?.lastSampleAt ?? beganAt) + nextTurnMs;
  const lastLoud = loud.findLast((at) => at <= untilAt) ?? beganAt;
  const spokeOn = loud.some((at) => at > untilAt - 30 && at <= untilAt);
  return {
    ...{ sort, name, atMs: Math.round(atMs) },
    silentMs: sort !== 'real' || spokeOn ? null : Math.max(0, Math.round(lastLoud - beganAt)),
    longestGapMs: Math.round(longestGap(loud, beganAt)),
    loudMs: loud.length * 10,
  };
};

type Run = Readonly<{
  stage: Stage;
  side: Side;
  variant: Variant;
  round: number;
  question: Recording;
  tally: Tally;
  progress: (line: string) => void;
}>;

/** Several trials in one call; a trial that fails ends the call, and is dropped. */
const runCall = async (run: Run, interjections: readonly Interjection[], random: () => number): Promise<Sample[]> => {
  const { stage, side, variant, round, question, tally, progress } = run;
  await stage.providers.setScenario(scenario);
  await using caller = await phoneUntilAnswered(side, variant === 'ours' ? {} : { metadata: variant }, run);
  await whenSilent(caller);
  const samples: Sample[] = [];
  for (const interjection of interjections) {
    const atMs = earliestMs + random() * (latestMs - earliestMs);
    try {
      const trial = await runTrial({ stage, caller, question, tally }, interjection, atMs);
      samples.push({ variant, round, ...trial });
      progress(`  ${variant}: ${JSON.stringify(trial)}`);
    } catch (error) {
      tally.dropped += 1;
      progress(`  ${variant}: ${interjection.name}: ${String(error)}`);
      const rest = interjections.slice(interjections.indexOf(interjection) + 1);
      return rest.length === 0 ? samples : [...samples, ...(await runCall(run, rest, random))];
    }
  }
  return samples;
};

const runVariant = async (run: Run, interjections: readonly Interjection[]): Promise<Sample[]> => {
  const random = randomFrom(run.round);
  const shuffled = shuffle(interjections, run.round);
  const samples: Sample[] = [];
  for (let at = 0; at < shuffled.length; at += perCall)
    samples.push(...(await runCall(run, shuffled.slice(at, at + perCall), random)));
  return samples;
};

const nothing: Interjection = { sort: 'none', name: 'none', recording: null, samples: new Int16Array() };

/** What is put into the replies of a round: half of the interruptions, every backchannel, some noises, and nothing once. */
const interjectionsOf = async (round: number): Promise<Interjection[]> => {
  const from = (sort: Sort, recordings: readonly Recording[]): Interjection[] =>
    recordings.map((recording) => ({ sort, name: recording.row.name, recording, samples: recording.speech }));
  const isOf = (_: unknown, index: number): boolean => index % 2 === (round + 1) % 2;
  return [
    ...from('real', await recordingsOf(interruptions.filter(isOf))),
    ...from('backchannel', await recordingsOf(backchannels)),
    ...noises.filter(isOf).map((name): Interjection => ({
      ...{ sort: 'noise', name, recording: null, samples: noiseSamples(name) },
    })),
    nothing,
  ];
};

const silentMsOf = (samples: readonly Sample[]): number[] =>
  samples.flatMap(({ sort, silentMs }) => (sort === 'real' && silentMs !== null ? [silentMs] : []));

const figuresOf = (samples: readonly Sample[], tally: Tally) => {
  const undisturbed = samples.filter(({ sort }) => sort === 'none');
  const wholeMs = median(undisturbed.map(({ loudMs }) => loudMs));
  const pauseMs = Math.max(shortestPauseMs, ...undisturbed.map(({ longestGapMs }) => longestGapMs + 100));
  const real = samples.filter(({ sort }) => sort === 'real');
  const listening = samples.filter(({ sort }) => sort === 'backchannel' || sort === 'noise');
  const isFinished = ({ loudMs }: Sample) => loudMs >= wholeMs * wholeReply.from && loudMs <= wholeMs * wholeReply.to;
  const hasPause = ({ longestGapMs }: Sample) => longestGapMs >= pauseMs;
  const stopped = listening.filter((one) => !isFinished(one));
  const paused = listening.filter((one) => isFinished(one) && hasPause(one));
  return {
    silentMs: latenciesOf(silentMsOf(samples)),
    wholeReplyMs: wholeMs,
    missed: real.length - silentMsOf(samples).length,
    interruptions: real.length,
    listening: listening.length,
    disturbed: stopped.length + paused.length,
    finished: listening.length - stopped.length,
    falseStops: stopped.length,
    falseStopsBy: stopped.map(({ name }) => name).toSorted(),
    pausesMs: paused.map(({ longestGapMs }) => longestGapMs).toSorted((a, b) => a - b),
    ...tally,
  };
};

type SideFigures = ReturnType<typeof figuresOf>;

const problemsOf = (variant: string, figures: SideFigures): string[] => {
  const { interruptions: count, listening, wholeReplyMs, silentMs, dropped } = figures;
  return problemsIf(
    [count === 0 || listening === 0 || Number.isNaN(wholeReplyMs), `${variant}: too few trials`],
    [silentMs.n === 0, `${variant}: fell silent for no interruption`],
    [dropped > 2, `${variant}: ${dropped} trials failed`],
  );
};

type Block = Readonly<{ side: SideName; round: number; variants: readonly Variant[] }>;

/** ours, reference, reference, ours: what drifts on the machine affects both. */
const blocks: readonly Block[] = [
  { side: 'ours', round: 1, variants: ['ours'] },
  { side: 'stock', round: 1, variants: ['default', 'tuned'] },
  { side: 'stock', round: 2, variants: ['tuned', 'default'] },
  { side: 'ours', round: 2, variants: ['ours'] },
];

const questionOf = async (): Promise<Recording> => {
  const row = rows.find(({ name }) => name === 'hours');
  if (row === undefined) throw new Error('the question is missing');
  return recordingOf(row);
};

/** For a quick run: one of each sort. */
const few = (interjections: readonly Interjection[]): Interjection[] =>
  interjections.filter(({ sort }, index) => interjections.findIndex((one) => one.sort === sort) === index);

export const benchmark: Benchmark = async ({ quick, onlyOurs, ...options }) => {
  const wanted = (quick ? blocks.slice(0, 2) : blocks).filter(({ side }) => !onlyOurs || side === 'ours');
  const perVariant = quick ? 4 : 10;
  const variantsRun = wanted.flatMap(({ variants }) => variants);
  const expectedMs = variantsRun.length * perVariant * perTrialMs + (wanted.length + 1) * perBlockMs;
  const progress = withPace(options.progress, expectedMs);
  const question = await questionOf();
  await using stage = await openStage({ scenario, greeting, progress });
  const samples: Sample[] = [];
  const tallies = { ours: newTally(), default: newTally(), tuned: newTally() } satisfies Record<Variant, Tally>;
  for (const { side: name, round, variants } of wanted) {
    await using side = await startSide(name, stage, { env: { STOCK_TAKES_EVERY_CALL: '1' } });
    const interjections = await interjectionsOf(round);
    for (const variant of variants) {
      const run = { stage, side, variant, round, question, tally: tallies[variant], progress };
      samples.push(...(await runVariant(run, quick ? few(interjections) : interjections)));
    }
  }
  const samplesOf = (variant: Variant) => samples.filter((sample) => sample.variant === variant);
  const of = (variant: Variant) => figuresOf(samplesOf(variant), tallies[variant]);
  const ours = of('ours');
  const [reference, tuned] = onlyOurs ? [] : [of('default'), of('tuned')];
  const ratio = ratioOf(ours.silentMs.p50, reference?.silentMs.p50);
  const fewestStops = Math.min(reference?.falseStops ?? Infinity, tuned?.falseStops ?? Infinity);
  return {
    ratio,
    ours: {
      ...ours,
      tunedRatio: ratioOf(ours.silentMs.p50, tuned?.silentMs.p50),
      ratioCi95: ratioInterval(silentMsOf(samplesOf('ours')), silentMsOf(samplesOf('default'))),
    },
    reference: reference === undefined ? null : { variant: 'quickstart', ...reference, tuned },
    targets: [
      atMost("median time to silence, ours / the quickstart's", ratio, 0.5),
      atMost('our false stops', ours.falseStops, Number.isFinite(fewestStops) ? fewestStops : 0),
      atMost('interruptions that we missed', ours.missed, 0),
    ],
    problems: [
      ...problemsOf('ours', ours),
      ...(reference === undefined ? [] : problemsOf('quickstart', reference)),
      ...(tuned === undefined ? [] : problemsOf('tuned', tuned)),
    ],
    samples,
  };
};
