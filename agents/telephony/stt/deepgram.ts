/**
 * Deepgram's live transcription over a connection that heals. A socket that closes, hangs or falls silent while the caller speaks is
 * replaced at once, and hears again what no final transcript covers: nothing is lost, and nothing final comes twice.
 *
 * The framework's plugin sends 100 ms of sound at a time and never reconnects a running socket; here sound goes out as it comes.
 */
import { APIConnectionError, stt, type APIConnectOptions } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { eventOf, readResults, type Results } from './deepgram-results.ts';
import { rmsOf } from '../audio/loudness.ts';
import { openReplayBuffer, type ReplayBuffer } from './replay-buffer.ts';

type DeepgramSttOptions = Readonly<{
  apiKey: string;
  /** ws(s)://… without a path. */
  baseUrl: string;
  model: string;
  /** BCP 47, or `multi`. */
  language: string;
  limits?: Partial<SttLimits>;
}>;

export type SttLimits = Readonly<{
  /** From dialling to the open socket. */
  connectTimeoutMs: number;
  /** Sound, but no word about it: Deepgram sends results every second or so. */
  silentTimeoutMs: number;
  /** Without any working connection for so long, hearing has failed for good. */
  giveUpMs: number;
}>;

const defaultLimits: SttLimits = { connectTimeoutMs: 2_000, silentTimeoutMs: 2_500, giveUpMs: 12_000 };
const pausesMs = [0, 100, 300, 700, 1_500];
const sampleRate = 16_000;
const framesAtOnce = 2;
/** Deepgram closes a socket that hears nothing for 10 s: a muted caller sends none. */
const keepAliveMs = 4_000;
/** The longest stretch of speech without a final transcript that a new socket still hears in full. */
const longestReplaySeconds = 20;
/** Louder than this (root mean square of 16-bit samples, about −40 dBFS) somebody may be speaking. */
const loud = 330;
const pauseSeconds = 0.12;
/** Words and loudness end at the same moment, give or take. */
const wordEndErrorSeconds = 0.2;

export class DeepgramStt extends stt.STT {
  readonly label = 'deepgram-stt';
  readonly #options: DeepgramSttOptions;

  constructor(options: DeepgramSttOptions) {
    super({ streaming: true, interimResults: true, alignedTranscript: 'word' });
    this.#options = options;
  }

  override get model(): string {
    return this.#options.model;
  }

  override get provider(): string {
    return 'Deepgram';
  }

  protected override _recognize(): Promise<stt.SpeechEvent> {
    return Promise.reject(new Error('only live sound is transcribed'));
  }

  override stream({ connOptions }: { connOptions?: APIConnectOptions } = {}): stt.SpeechStream {
    return new LiveTranscription(this, this.#options, connOptions);
  }
}

const addressOf = ({ baseUrl, model, language }: DeepgramSttOptions): URL => {
  const url = new URL(`${baseUrl}/v1/listen`);
  const query = {
    model,
    language,
    encoding: 'linear16',
    sample_rate: sampleRate,
    channels: 1,
    interim_results: true,
    punctuate: true,
    smart_format: true,
    no_delay: true,
    vad_events: false,
    filler_words: true, // "uh" tells that more is to come
    endpointing: 25,
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  return url;
};

/** One socket, and what it is expected to answer. */
type Wire = { socket: WebSocket; offset: number; unansweredSince: number | null; closed: Promise<void> };

class LiveTranscription extends stt.SpeechStream {
  readonly label = 'deepgram-stt.LiveTranscription';
  readonly #options: DeepgramSttOptions;
  readonly #limits: SttLimits;
  readonly #replay: ReplayBuffer = openReplayBuffer(sampleRate, longestReplaySeconds);
  #wire: Wire | null = null;
  #finalUntil = 0;
  #heardUntil = 0;
  #loudUntil = 0;
  /** The interim transcript since the last final one that was taken for complete. */
  #complete = '';
  #unsent: Buffer[] = [];

  constructor(owner: DeepgramStt, options: DeepgramSttOptions, connOptions?: APIConnectOptions) {
    super(owner, sampleRate, connOptions);
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
  }

  protected override async run(): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.abortSignal, over.signal]);
    const listening = this.#stayConnected(signal);
    const fed = this.#feed().finally(() => over.abort());
    try {
      await Promise.race([listening, fed]);
    } finally {
      over.abort();
      this.#wire?.socket.close();
      await listening;
    }
  }

  /** Sends the caller's sound as it comes, until there is no more. */
  async #feed(): Promise<void> {
    const ended = new Promise<null>((resolve) => this.abortSignal.addEventListener('abort', () => resolve(null)));
    for (;;) {
      const next = await Promise.race([this.input.next(), ended]);
      if (next === null || next.done === true) return;
      if (typeof next.value === 'symbol') continue;
      const { data } = next.value;
      // A copy: the frame's memory is the framework's. Frames last 10 ms, each message costs.
      this.#unsent.push(Buffer.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
      if (this.#unsent.length < framesAtOnce) continue;
      this.#hear(Buffer.concat(this.#unsent.splice(0)));
    }
  }

  #hear(pcm: Buffer): void {
    this.#replay.push(pcm);
    this.#heardUntil += pcm.length / 2 / sampleRate;
    const isLoud = rmsOf(pcm) > loud;
    if (isLoud) this.#loudUntil = this.#heardUntil;
    const wire = this.#wire;
    if (wire?.socket.readyState !== WebSocket.OPEN) return;
    wire.socket.send(pcm);
    if (isLoud && wire.unansweredSince === null) wire.unansweredSince = performance.now();
    const unansweredMs = performance.now() - (wire.unansweredSince ?? Infinity);
    if (unansweredMs > this.#limits.silentTimeoutMs) wire.socket.terminate();
  }

  /** Keeps one socket open after the other. @throws APIConnectionError when none could be had for `giveUpMs` */
  async #stayConnected(signal: AbortSignal): Promise<void> {
    for (let attempt = 0, deafSince = performance.now(); !signal.aborted; attempt += 1) {
      const wire = await this.#connect(signal);
      if (wire !== null) {
        this.#wire = wire;
        const before = this.#finalUntil;
        await wire.closed;
        this.#wire = null;
        // A socket that closes without ever having been of use counts as one that could not be had.
        if (this.#finalUntil > before) [attempt, deafSince] = [-1, performance.now()];
      }
      if (signal.aborted) return;
      if (performance.now() - deafSince > this.#limits.giveUpMs) throw gone();
      await sleep(pausesMs[attempt + 1] ?? pausesMs.at(-1), undefined, { signal }).catch(() => null);
    }
  }

  /** Opens a socket and lets it hear what no final transcript covers yet; null where that fails. */
  async #connect(signal: AbortSignal): Promise<Wire | null> {
    const socket = new WebSocket(addressOf(this.#options), {
      headers: { authorization: `Token ${this.#options.apiKey}` },
      handshakeTimeout: this.#limits.connectTimeoutMs,
      perMessageDeflate: false,
    });
    const opened = Promise.withResolvers<boolean>();
    const closed = Promise.withResolvers<void>();
    const abort = () => socket.terminate();
    signal.addEventListener('abort', abort);
    socket.once('open', () => opened.resolve(true));
    socket.on('error', () => socket.terminate());
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      opened.resolve(false);
      closed.resolve();
    });
    if (!(await opened.promise)) return null;
    const wire: Wire = { socket, offset: this.#replay.startsAt, unansweredSince: null, closed: closed.promise };
    for (const pcm of this.#replay.chunks) socket.send(pcm);
    const keepAlive = setInterval(() => socket.send('{"type":"KeepAlive"}'), keepAliveMs);
    socket.once('close', () => clearInterval(keepAlive));
    socket.on('message', (data: Buffer) => this.#understand(wire, readResults(data.toString('utf8'))));
    return wire;
  }

  #understand(wire: Wire, results: Results | null): void {
    if (results === null) return;
    wire.unansweredSince = null;
    const event = eventOf(results, wire.offset, this.#options.language);
    if (results.is_final) {
      this.#complete = '';
      this.#finalUntil = wire.offset + results.start + results.duration;
      this.#replay.forgetBefore(this.#finalUntil);
    }
    if (event === null || this.queue.closed) return;
    this.queue.put(this.#isComplete(event) ? { ...event, type: stt.SpeechEventType.PREFLIGHT_TRANSCRIPT } : event);
  }

  /** Whether an interim transcript has all that was said up to a pause: so the model can be asked before the final one comes. */
  #isComplete({ type, alternatives }: stt.SpeechEvent): boolean {
    const said = alternatives?.[0];
    if (type !== stt.SpeechEventType.INTERIM_TRANSCRIPT || said === undefined) return false;
    const isPause = this.#heardUntil - this.#loudUntil >= pauseSeconds;
    if (!isPause || said.endTime < this.#loudUntil - wordEndErrorSeconds || said.text === this.#complete) return false;
    this.#complete = said.text;
    return true;
  }
}

const gone = (): APIConnectionError =>
  new APIConnectionError({ message: 'Deepgram could not be reached', options: { retryable: false } });
