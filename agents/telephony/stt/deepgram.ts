/**
 * Deepgram's live transcription over a connection that recovers. A socket that closes, hangs or stops responding while the caller speaks is
 * replaced at once. The new one gets all audio again that no final transcript covers, so nothing is lost and no final transcript comes
 * twice.
 *
 * The framework's plugin sends audio in chunks of 100 ms and never reconnects a running socket. Here audio is sent as it arrives.
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
  /** From connecting to the open socket. */
  connectTimeoutMs: number;
  /** How long loud audio may go without a result; Deepgram sends one every second or so. */
  silentTimeoutMs: number;
  /** The stream fails after this long without a working connection. */
  giveUpMs: number;
}>;

const defaultLimits: SttLimits = { connectTimeoutMs: 2_000, silentTimeoutMs: 2_500, giveUpMs: 12_000 };
const retryDelaysMs = [0, 100, 300, 700, 1_500];
const sampleRate = 16_000;
const framesAtOnce = 2;
/** Deepgram closes a socket after 10 s without audio, and a muted caller sends none. */
const keepAliveMs = 4_000;
/** A new socket gets at most this much audio again. */
const longestReplaySeconds = 20;
/** Anything louder may be speech: about −40 dBFS, as the root mean square of 16-bit samples. */
const loud = 330;
const pauseSeconds = 0.12;
/** How far the end of a word, as transcribed, may precede the end of the loud audio. */
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
    return Promise.reject(new Error('Only live audio can be transcribed.'));
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
    filler_words: true, // "uh" means that more is coming
    endpointing: 25,
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  return url;
};

/** One socket. `offset`: when its first sample was spoken, in seconds since the caller's first sample. */
type Connection = { socket: WebSocket; offset: number; unansweredSince: number | null; closed: Promise<void> };

class LiveTranscription extends stt.SpeechStream {
  readonly label = 'deepgram-stt.LiveTranscription';
  readonly #options: DeepgramSttOptions;
  readonly #limits: SttLimits;
  readonly #replay: ReplayBuffer = openReplayBuffer(sampleRate, longestReplaySeconds);
  #connection: Connection | null = null;
  #finalUntil = 0;
  #heardUntil = 0;
  #loudUntil = 0;
  /** The last interim transcript taken as complete since the last final one. */
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
      this.#connection?.socket.close();
      await listening;
    }
  }

  /** Sends the caller's audio as it arrives, until it ends. */
  async #feed(): Promise<void> {
    const ended = new Promise<null>((resolve) => this.abortSignal.addEventListener('abort', () => resolve(null)));
    for (;;) {
      const next = await Promise.race([this.input.next(), ended]);
      if (next === null || next.done === true) return;
      if (typeof next.value === 'symbol') continue;
      const { data } = next.value;
      // Copied, because the framework owns the frame's memory. Several frames of 10 ms go into one message.
      this.#unsent.push(Buffer.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
      if (this.#unsent.length < framesAtOnce) continue;
      this.#send(Buffer.concat(this.#unsent.splice(0)));
    }
  }

  #send(pcm: Buffer): void {
    this.#replay.push(pcm);
    this.#heardUntil += pcm.length / 2 / sampleRate;
    const isLoud = rmsOf(pcm) > loud;
    if (isLoud) this.#loudUntil = this.#heardUntil;
    const connection = this.#connection;
    if (connection?.socket.readyState !== WebSocket.OPEN) return;
    connection.socket.send(pcm);
    if (isLoud && connection.unansweredSince === null) connection.unansweredSince = performance.now();
    const unansweredMs = performance.now() - (connection.unansweredSince ?? Infinity);
    if (unansweredMs > this.#limits.silentTimeoutMs) connection.socket.terminate();
  }

  /** Replaces each socket that closes. @throws APIConnectionError after `giveUpMs` without a working one */
  async #stayConnected(signal: AbortSignal): Promise<void> {
    for (let attempt = 0, downSince = performance.now(); !signal.aborted; attempt += 1) {
      const connection = await this.#connect(signal);
      if (connection !== null) {
        this.#connection = connection;
        const before = this.#finalUntil;
        await connection.closed;
        this.#connection = null;
        // A socket that closes before any final transcript counts as a failed attempt.
        if (this.#finalUntil > before) [attempt, downSince] = [-1, performance.now()];
      }
      if (signal.aborted) return;
      if (performance.now() - downSince > this.#limits.giveUpMs) throw unreachable();
      await sleep(retryDelaysMs[attempt + 1] ?? retryDelaysMs.at(-1), undefined, { signal }).catch(() => null);
    }
  }

  /** Opens a socket and sends it the audio that no final transcript covers yet; null if that fails. */
  async #connect(signal: AbortSignal): Promise<Connection | null> {
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
    const connection: Connection = {
      socket,
      offset: this.#replay.startsAt,
      unansweredSince: null,
      closed: closed.promise,
    };
    for (const pcm of this.#replay.chunks) socket.send(pcm);
    const keepAlive = setInterval(() => socket.send('{"type":"KeepAlive"}'), keepAliveMs);
    socket.once('close', () => clearInterval(keepAlive));
    socket.on('message', (data: Buffer) => this.#onResults(connection, readResults(data.toString('utf8'))));
    return connection;
  }

  #onResults(connection: Connection, results: Results | null): void {
    if (results === null) return;
    connection.unansweredSince = null;
    const event = eventOf(results, connection.offset, this.#options.language);
    if (results.is_final) {
      this.#complete = '';
      this.#finalUntil = connection.offset + results.start + results.duration;
      this.#replay.forgetBefore(this.#finalUntil);
    }
    if (event === null || this.queue.closed) return;
    this.queue.put(this.#isComplete(event) ? { ...event, type: stt.SpeechEventType.PREFLIGHT_TRANSCRIPT } : event);
  }

  /** Whether an interim transcript covers everything up to a pause. If so, the LLM can start before the final one arrives. */
  #isComplete({ type, alternatives }: stt.SpeechEvent): boolean {
    const said = alternatives?.[0];
    if (type !== stt.SpeechEventType.INTERIM_TRANSCRIPT || said === undefined) return false;
    const isPause = this.#heardUntil - this.#loudUntil >= pauseSeconds;
    if (!isPause || said.endTime < this.#loudUntil - wordEndErrorSeconds || said.text === this.#complete) return false;
    this.#complete = said.text;
    return true;
  }
}

const unreachable = (): APIConnectionError =>
  new APIConnectionError({ message: 'Deepgram could not be reached', options: { retryable: false } });
