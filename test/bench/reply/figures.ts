/** The figures of `reply`, from its samples. */
import { providersMs } from '../sides/stage.ts';
import type { Tally } from '../sides/phone.ts';
import { replyTimeoutMs, type Exchange } from '../sides/utterance.ts';
import { latenciesOf, type Latencies } from '../report/statistics.ts';
import { hasLeadIn } from './scenario.ts';

export type Variant = 'ours' | 'default' | 'vad' | 'stt' | 'tuned';

export type Sample = Exchange & Readonly<{ variant: Variant; block: number; isHeldOut: boolean }>;

const isMissed = ({ cutInMs, heardMs }: Sample): boolean => cutInMs === null && heardMs === null;

/**
 * What is added to the providers' own delays, in ms. A missing reply counts as the time that it was waited for; a cut-in has no latency.
 * An answer to a part of the utterance is no answer to it: it counts only where `unfiltered`.
 */
export const addedMsOf = (samples: readonly Sample[], unfiltered = false): number[] =>
  samples.flatMap((sample) => {
    if (isMissed(sample)) return [replyTimeoutMs - providersMs];
    if (sample.heardMs === null || !(unfiltered || sample.understood)) return [];
    return [sample.heardMs - providersMs];
  });

const withLeadIn = (samples: readonly Sample[], wanted: boolean): Sample[] =>
  samples.filter(({ turn }) => hasLeadIn(turn) === wanted);

/** A missing reply that the model wasn't asked for counts as one without a lead-in phrase. */
export const addedMsNoLeadInOf = (samples: readonly Sample[]): number[] => addedMsOf(withLeadIn(samples, false));

type Part = Readonly<{ addedMs: Latencies; falseCutIns: number; pauses: number }>;

const partOf = (samples: readonly Sample[]): Part => ({
  addedMs: latenciesOf(addedMsOf(samples)),
  falseCutIns: samples.filter(({ pauses, cutInMs }) => pauses > 0 && cutInMs !== null).length,
  pauses: samples.reduce((sum, { pauses }) => sum + pauses, 0),
});

export const figuresOf = (samples: readonly Sample[], tally: Tally) => ({
  ...partOf(samples),
  addedMsNoLeadIn: latenciesOf(addedMsNoLeadInOf(samples)),
  addedMsLeadIn: latenciesOf(addedMsOf(withLeadIn(samples, true))),
  addedMsUnfiltered: latenciesOf(addedMsOf(samples, true)),
  heardMs: latenciesOf(addedMsOf(samples).map((ms) => ms + providersMs)),
  utterances: samples.length,
  utterancesWithPauses: samples.filter(({ pauses }) => pauses > 0).length,
  /** Into utterances without a pause. */
  otherCutIns: samples.filter(({ pauses, cutInMs }) => pauses === 0 && cutInMs !== null).length,
  missed: samples.filter(isMissed).length,
  notAllUnderstood: samples.filter((sample) => !sample.understood && !isMissed(sample)).length,
  byLanguage: { en: partOf(samples) },
  tuningSet: partOf(samples.filter(({ isHeldOut }) => !isHeldOut)),
  heldOutSet: partOf(samples.filter(({ isHeldOut }) => isHeldOut)),
  ...tally,
});

export type SideFigures = ReturnType<typeof figuresOf>;
