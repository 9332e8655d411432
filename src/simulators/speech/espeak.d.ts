/** The part of the package that is used here; it ships no types. */
declare module '@echogarden/espeak-ng-emscripten' {
  export type Event = {
    type: 'samplerate' | 'sentence' | 'word' | 'phoneme' | 'end' | 'mark' | 'play';
    /** In characters, from 1. */
    text_position: number;
    /** In ms. */
    audio_position: number;
    id?: string | number;
  };
  export class Synthesizer {
    /** An unknown voice is ignored: the previous one stays. */
    set_voice(name: string): void;
    /** Words per minute. */
    set_rate(wordsPerMinute: number): void;
    readonly samplerate: number;
    /** Calls back with 16-bit samples as they are produced; a callback that returns true stops it. */
    synthesize(text: string, callback: (samples: Int16Array, events: Event[]) => boolean): void;
  }
  // eslint-disable-next-line no-restricted-exports -- as in the package
  export default function initialize(): Promise<{ eSpeakNGWorker: typeof Synthesizer }>;
}
