/**
 * The caller speaks over the agent: how long until the agent is silent. And the caller who only listens aloud, coughs, or lets a
 * door slam: an agent that stops for that is wrong.
 *
 * Glossary
 *   silentMs     from the caller's first loud sample to the agent's last loud frame before its next turn
 *   pause        silence within the reply, of at least 300 ms and longer than any of an undisturbed reply
 *   false stop   a pause after which the agent doesn't finish what it was saying, or one of more than a second
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs, type Caller, type Said } from '#src/simulators/caller/caller.ts';
import { speechRms } from '#src/simulators/caller/audio-in.ts';
import { latenciesOf, type Benchmark } from './report/benchmark.ts';
import { phoneUntilAnswered } from './sides/phone.ts';
import { backchannels, interruptions, noises, noiseSamples, recordingsOf } from './recordings/interjections.ts';
import { recordingOf, type Recording } from './recordings/recording.ts';
import { randomFrom, shuffle } from './recordings/sound.ts';
import { rows } from './recordings/table.ts';
import { startSide, type Side, type SideName } from './sides/sides.ts';
import { openStage, type Stage } from './sides/stage.ts';
import { sayRecording, whenSilent } from './sides/utterance.ts';

const perCall = 6;
/** When the interjection begins, after the reply's first sound. */
const earliestMs = 2_500;
const latestMs = 5_000;
const replyTimeoutMs = 15_000;
const overMs = 2_600;
const shortestPauseMs = 300;
const longPauseMs = 1_000;
/** The next turn's reply can't be heard sooner after the caller's last word. */
const nextTurnMs = 300;
/** In the second before the interjection the agent speaks for so long, or it is not in the middle of its reply. */
const speakingMs = 400;
const attempts = 3;
/** So much of a reply's sound counts as all of it. */
const wholeReply = { from: 0.93, to: 1.07 };

const greeting = 'Hello, how can I help you?';
const longReply =
  'We are open from Monday to Thursday between eight in the morning and six in the evening, and on Friday from eight ' +
  'until two in the afternoon. On Saturday we are closed, but the city hospital has an emergency service.';

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

type Sort = 'real' | 'backchannel' | 'noise' | 'none';
type Interjection = Readonly<{ sort: Sort; name: string; recording: Recording | null; samples: Int16Array }>;

type Sample = Readonly<{
  side: SideName;
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

type Trial = { stage: Stage; caller: Caller; question: Recording };

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
): Promise<Said | null> => {
  if (sort === 'none') return null;
  return recording === null ? caller.startSpeaking(samples).done : sayRecording(caller, stage.providers, recording);
};

/** Asks, and waits until the agent is so far in its long reply; the time when that began. @throws where there is no such reply */
const untilInReply = async ({ stage, caller, question }: Trial, atMs: number): Promise<number> => {
  for (let attempt = 1; ; attempt += 1) {
    const { lastSampleAt } = await sayRecording(caller, stage.providers, question);
    const startedAt = await caller.whenAgentSpeaks({ timeoutMs: replyTimeoutMs, since: lastSampleAt });
    await sleep(Math.max(0, startedAt + atMs - nowMs()));
    if (loudIn(caller, nowMs() - 1_000, nowMs()).length * 10 >= speakingMs) return startedAt;
    // A sound of its turn before, or a reply that was broken off by itself.
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

type Run = { stage: Stage; side: Side; round: number; question: Recording; progress: (line: string) => void };

const runCall = async (run: Run, interjections: readonly Interjection[], random: () => number): Promise<Sample[]> => {
  const { stage, side, round, question, progress } = run;
  await stage.providers.setScenario(scenario);
  await using caller = await phoneUntilAnswered(side, {}, progress);
  await whenSilent(caller);
  const samples: Sample[] = [];
  for (const interjection of interjections) {
    const atMs = earliestMs + random() * (latestMs - earliestMs);
    const trial = await runTrial({ stage, caller, question }, interjection, atMs);
    samples.push({ side: side.name, round, ...trial });
    progress(`  ${side.name}: ${JSON.stringify(trial)}`);
  }
  return samples;
};

const runSide = async (run: Run, interjections: readonly Interjection[]): Promise<Sample[]> => {
  const random = randomFrom(run.round);
  const shuffled = shuffle(interjections, run.round);
  const samples: Sample[] = [];
  for (let at = 0; at < shuffled.length; at += perCall)
    samples.push(...(await runCall(run, shuffled.slice(at, at + perCall), random)));
  return samples;
};

const nothing: Interjection = { sort: 'none', name: 'none', recording: null, samples: new Int16Array() };

const allInterjections = async (): Promise<Interjection[]> => {
  const from = (sort: Sort, recordings: readonly Recording[]): Interjection[] =>
    recordings.map((recording) => ({ sort, name: recording.row.name, recording, samples: recording.speech }));
  return [
    ...from('real', await recordingsOf(interruptions)),
    ...from('backchannel', await recordingsOf(backchannels)),
    ...noises.map((name): Interjection => ({ sort: 'noise', name, recording: null, samples: noiseSamples(name) })),
    ...[nothing, nothing],
  ];
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const figuresOf = (samples: readonly Sample[]) => {
  const undisturbed = samples.filter(({ sort }) => sort === 'none');
  const wholeMs = median(undisturbed.map(({ loudMs }) => loudMs));
  const pauseMs = Math.max(shortestPauseMs, ...undisturbed.map(({ longestGapMs }) => longestGapMs + 100));
  const real = samples.filter(({ sort }) => sort === 'real');
  const others = samples.filter(({ sort }) => sort === 'backchannel' || sort === 'noise');
  const paused = others.filter(({ longestGapMs }) => longestGapMs >= pauseMs);
  const isWhole = ({ loudMs }: Sample) => loudMs >= wholeMs * wholeReply.from && loudMs <= wholeMs * wholeReply.to;
  const stopped = others.filter((one) => !isWhole(one) || one.longestGapMs > Math.max(longPauseMs, pauseMs));
  return {
    silentMs: latenciesOf(real.flatMap(({ silentMs }) => (silentMs === null ? [] : [silentMs]))),
    missed: real.filter(({ silentMs }) => silentMs === null).length,
    interruptions: real.length,
    falseStops: stopped.length,
    falseStopsBy: stopped.map(({ name }) => name).toSorted(),
    pauses: paused.length,
    pauseMs: latenciesOf(paused.map(({ longestGapMs }) => longestGapMs)),
    listening: others.length,
  };
};

const orders: readonly (readonly SideName[])[] = [
  ['ours', 'stock'],
  ['stock', 'ours'],
  ['ours', 'stock'],
];

export const benchmark: Benchmark = async ({ progress, quick, onlyOurs, rounds }) => {
  const every = await allInterjections();
  const interjections = quick ? shuffle(every, 3).slice(0, 10).concat(nothing) : every;
  const row = rows.find(({ name }) => name === 'hours');
  if (row === undefined) throw new Error('the question is missing');
  const question = await recordingOf(row);
  await using stage = await openStage({ scenario, greeting, progress });
  const samples: Sample[] = [];
  for (const [index, order] of orders.slice(0, quick ? 1 : (rounds ?? orders.length)).entries()) {
    for (const name of onlyOurs ? (['ours'] as const) : order) {
      await using side = await startSide(name, stage, { env: { STOCK_TAKES_EVERY_CALL: '1' } });
      samples.push(...(await runSide({ stage, side, round: index + 1, question, progress }, interjections)));
    }
  }
  const ours = figuresOf(samples.filter(({ side }) => side === 'ours'));
  const reference = onlyOurs ? null : figuresOf(samples.filter(({ side }) => side === 'stock'));
  const ratio = reference && Math.round((ours.silentMs.p50 / reference.silentMs.p50) * 1000) / 1000;
  return { ratio, ours, reference, samples };
};
