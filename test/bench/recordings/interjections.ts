/**
 * What callers say or do while the agent speaks: sentences that it must stop for, and sounds that it must not stop for. Of the latter only
 * words have a text; speech recognition makes nothing of the rest.
 */
import { sampleRate } from './recording.ts';
import { fromDbfs, randomFrom } from './sound.ts';
import type { Row } from './table.ts';

const sentence = (name: string, text: string, voice: string): Row => ({ name, kind: 'request', text, voice });

/** The caller interrupts. */
export const interruptions: readonly Row[] = [
  sentence('wait', 'Wait a moment please, I have another question.', 'en-us+m3'),
  sentence('sorry', 'Sorry, can I ask you something else?', 'en-us+f2'),
  sentence('friday-only', 'No, I only need to know about Friday.', 'en-gb+f3'),
  sentence('enough', 'Okay, stop, that is enough information.', 'en-us+m7'),
  sentence('wrong', 'Excuse me, that is not what I meant.', 'en-us+f5'),
  { ...sentence('person-please', 'Can I talk to a person instead?', 'en-us+m5'), treatments: ['phone'] },
  { ...sentence('hold-on', 'Hold on, I did not get the first part.', 'en-gb+m2'), treatments: ['loss'] },
  { ...sentence('quick', 'Just tell me whether you are open today.', 'en-us+f4'), treatments: ['noise'] },
];

/** The caller is listening. */
export const backchannels: readonly Row[] = [
  { name: 'uh-huh', kind: 'answer', text: 'Uh-huh.', voice: 'en-us+f2' },
  { name: 'mm-hm', kind: 'answer', text: 'Mhm.', voice: 'en-us+m3' },
  { name: 'uh-huh-phone', kind: 'answer', text: 'Uh-huh.', voice: 'en-gb+m2', treatments: ['phone'] },
];

/** Sounds without words. */
export const noises = ['cough', 'door', 'rustle'] as const;
export type NoiseName = (typeof noises)[number];

const perMs = sampleRate / 1000;

/** Noise that swells and dies away; the smaller `low`, the more of its high frequencies is filtered out. */
const burst = (lengthMs: number, db: number, low: number, seed: number): number[] => {
  const random = randomFrom(seed);
  const length = lengthMs * perMs;
  let value = 0;
  return Array.from({ length }, (_, index) => {
    value += (random() * 2 - 1 - value) * low;
    const envelope = Math.min(1, index / (12 * perMs)) * (1 - index / length) ** 0.7;
    return value * envelope * fromDbfs(db) * (1.8 / Math.sqrt(low));
  });
};

const gap = (ms: number): number[] => Array.from({ length: ms * perMs }, () => 0);

/** Two coughs, a door, a jacket rubbing on the telephone. */
const makeNoise: Record<NoiseName, () => number[]> = {
  cough: () => [...burst(210, -16, 0.5, 1), ...gap(130), ...burst(260, -18, 0.45, 2)],
  door: () => [...burst(160, -12, 0.06, 3), ...gap(60), ...burst(120, -20, 0.1, 4)],
  rustle: () => [1, 2, 3, 4, 5, 6].flatMap((n) => [...burst(90 + 15 * n, -28, 0.9, n), ...gap(40)]),
};

export const noiseSamples = (name: NoiseName): Int16Array =>
  Int16Array.from(makeNoise[name](), (value) => Math.max(-32_768, Math.min(32_767, Math.round(value))));
