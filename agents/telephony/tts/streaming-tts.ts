/**
 * Streaming TTS over a provider's speech endpoint (OpenAI or Deepgram). The reply is split into sentences as the LLM writes it. Each is
 * requested as soon as it is complete, the next one while the first plays, and its audio is passed on as it arrives. The transcript that
 * accompanies the audio has only what was actually synthesized.
 */
import { createTimedString, shortuuid, tts, type APIConnectOptions } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import type { CallJob, ProviderKeys } from '#src/protocol/job.ts';
import { reportTtsError } from '#src/framework/session.ts';
import { speechRequestOf, speechSampleRate } from '#src/protocol/speech-request.ts';
import { openSentenceSplitter, speakable } from './sentence-splitter.ts';
import { openFramer } from '../audio/frames.ts';
import { withoutLeadingSilence } from '../audio/leading-silence.ts';
import { currentRate } from './speaking-rate.ts';
import { plainText } from './plain-text.ts';
import { openPrefetch, type Prefetch } from './prefetch.ts';
import { streamSpeech, type SpeechLimits } from './speech-stream.ts';

type StreamingTtsOptions = Readonly<{
  providers: ProviderKeys;
  voice: CallJob['tts'];
  /** The cached samples of a text; null if there are none. */
  cached?: (text: string) => Promise<Uint8Array | null>;
  limits?: Partial<SpeechLimits>;
}>;

const defaultLimits: SpeechLimits = { firstByteTimeoutMs: 1_800, stallTimeoutMs: 3_000 };
const frameMs = 20;
/** For the sentence that is playing and the next one. */
const requestsAtOnce = 2;

export class StreamingTts extends tts.TTS {
  readonly label = 'streaming-tts';
  readonly #providers: ProviderKeys;
  readonly #voice: CallJob['tts'];
  readonly #cached: (text: string) => Promise<Uint8Array | null>;
  readonly #limits: SpeechLimits;

  constructor({ providers, voice, cached = () => Promise.resolve(null), limits }: StreamingTtsOptions) {
    super(speechSampleRate, 1, { streaming: true, alignedTranscript: true });
    this.#providers = providers;
    this.#voice = voice;
    this.#cached = cached;
    this.#limits = { ...defaultLimits, ...limits };
  }

  override get model(): string {
    return this.#voice.model;
  }

  override get provider(): string {
    return this.#voice.provider;
  }

  override synthesize(text: string, connOptions?: APIConnectOptions, abortSignal?: AbortSignal): tts.ChunkedStream {
    const say = (signal: AbortSignal) => this.#request(text, this.#voice.rate, signal);
    return new OneShot(this, text, say, connOptions, abortSignal);
  }

  override stream(options?: { connOptions?: APIConnectOptions }): tts.SynthesizeStream {
    const rate = currentRate(this.#voice.rate);
    return new SpokenReply(this, (text, signal) => this.#speak(text, rate, signal), options?.connOptions);
  }

  async *#speak(text: string, rate: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const pcm = rate === this.#voice.rate ? await this.#cached(text) : null;
    if (pcm === null) yield* this.#request(text, rate, signal);
    else yield pcm;
  }

  #request(text: string, rate: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const request = speechRequestOf(this.#providers, { voice: { ...this.#voice, rate }, text });
    return streamSpeech(request, this.#limits, signal);
  }
}

type Say = (text: string, signal: AbortSignal) => AsyncIterable<Uint8Array>;

class SpokenReply extends tts.SynthesizeStream {
  readonly label = 'streaming-tts.SpokenReply';
  readonly #say: Say;
  readonly #id = shortuuid();
  #emittedSamples = 0;
  /** The last frame, not emitted yet: the end time of the sentence may have to be added to it. */
  #pending: tts.SynthesizedAudio | null = null;

  constructor(owner: StreamingTts, say: Say, connOptions?: APIConnectOptions) {
    super(owner, connOptions);
    this.#say = say;
  }

  protected override async run(): Promise<void> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.abortSignal, stop.signal]);
    let isFirst = true;
    await using pieces = openPrefetch<string, Uint8Array>(requestsAtOnce, (text) => {
      const audio = this.#say(plainText(text), signal);
      if (!isFirst) return audio;
      isFirst = false;
      return withoutLeadingSilence(audio);
    });
    await Promise.all([this.#readText(pieces), this.#playAll(pieces, stop)]);
  }

  async #playAll(pieces: Prefetch<string, Uint8Array>, stop: AbortController): Promise<void> {
    try {
      for await (const piece of pieces.inOrder) await this.#play(piece.source, piece.items);
      if (!this.queue.closed && !this.abortSignal.aborted) this.queue.put(tts.SynthesizeStream.END_OF_STREAM);
    } finally {
      // After a failure nothing more is requested, and the rest of the text is ignored.
      stop.abort();
      if (!this.input.closed) this.input.close();
    }
  }

  async #readText(pieces: Prefetch<string, Uint8Array>): Promise<void> {
    const splitter = openSentenceSplitter();
    const add = (texts: string[]) => {
      for (const text of texts.filter((piece) => speakable(plainText(piece)))) {
        this.markStarted();
        pieces.add(text);
      }
    };
    try {
      for await (const part of this.input) {
        add(typeof part === 'string' ? splitter.push(part) : splitter.flush());
      }
      add(splitter.flush());
    } finally {
      pieces.end();
    }
  }

  async #play(text: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const framer = openFramer(speechSampleRate, frameMs);
    let unsaid: string | null = text;
    const play = (frames: AudioFrame[]) => {
      for (const frame of frames) {
        this.#emit(
          frame,
          unsaid === null ? null : createTimedString({ text: unsaid, startTime: this.#emittedSeconds }),
        );
        unsaid = null;
      }
    };
    try {
      for await (const pcm of chunks) play(framer.push(pcm));
      play(framer.flush());
      if (unsaid === null) this.#markEnd();
    } finally {
      this.#release();
    }
  }

  get #emittedSeconds(): number {
    return this.#emittedSamples / speechSampleRate;
  }

  #emit(frame: AudioFrame, said: ReturnType<typeof createTimedString> | null): void {
    this.#release();
    this.#emittedSamples += frame.samplesPerChannel;
    this.#pending = { requestId: this.#id, segmentId: this.#id, frame, final: false };
    if (said !== null) this.#pending.timedTranscripts = [said];
  }

  /** Adds the end time of the piece to the transcript, which makes the text of an interrupted reply exact. */
  #markEnd(): void {
    if (this.#pending === null) return;
    const end = createTimedString({ text: '', endTime: this.#emittedSeconds });
    this.#pending.timedTranscripts = [...(this.#pending.timedTranscripts ?? []), end];
  }

  #release(): void {
    if (this.#pending !== null && !this.queue.closed) this.queue.put(this.#pending);
    this.#pending = null;
  }
}

class OneShot extends tts.ChunkedStream {
  readonly label = 'streaming-tts.OneShot';
  readonly #owner: StreamingTts;
  readonly #say: (signal: AbortSignal) => AsyncIterable<Uint8Array>;

  constructor(
    owner: StreamingTts,
    text: string,
    say: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
    connOptions?: APIConnectOptions,
    abortSignal?: AbortSignal,
  ) {
    super(text, owner, connOptions, abortSignal);
    this.#owner = owner;
    this.#say = say;
  }

  protected override async run(): Promise<void> {
    const requestId = shortuuid();
    const framer = openFramer(speechSampleRate, frameMs);
    const put = (frames: AudioFrame[]) => {
      if (this.queue.closed) return;
      for (const frame of frames) this.queue.put({ requestId, segmentId: requestId, frame, final: false });
    };
    try {
      for await (const pcm of this.#say(this.abortSignal)) put(framer.push(pcm));
      put(framer.flush());
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      reportTtsError(this.#owner, error);
    }
  }
}
