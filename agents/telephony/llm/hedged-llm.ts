/**
 * An LLM with hedged requests. If the first attempt fails, or produces nothing for a moment, a second one is made in parallel, with the
 * second model if there is one. The first to produce something wins; the other is canceled. If that takes longer still, the caller hears a
 * filler. A reply that breaks off is not retried, because parts of it would be said twice. After two failures in a row, the first model is
 * skipped for a while (circuit breaker): then the second attempt is the only one.
 */
import { APITimeoutError, FlushSentinel, llm } from '@livekit/agents';
import * as openai from '@livekit/agents-plugin-openai';
import { TransformStream, type ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import { circuitBreaker, ConsecutiveBreaker, handleWhen } from 'cockatiel';
import { OpenAI } from 'openai';
import { notRetryable, toApiError } from '#src/framework/api-error.ts';
import { withTimeLimit } from '#src/time-limit.ts';

type HedgedLlmOptions = Readonly<{
  apiKey: string;
  /** http(s)://…/v1 */
  baseUrl: string;
  model: string;
  /** The model of the second attempt; null: the same one. */
  secondModel: string | null;
  /** Null: the model's default. */
  temperature: number | null;
  /** What the caller hears while the model is slow; empty: nothing. */
  filler: string;
  limits?: Partial<LlmLimits>;
}>;

/** In ms since the request, except for the last. */
export type LlmLimits = Readonly<{
  secondAttemptMs: number;
  fillerAfterMs: number;
  giveUpMs: number;
  /** Between two chunks of a reply. */
  stallMs: number;
}>;

const defaultLimits: LlmLimits = { secondAttemptMs: 1_200, fillerAfterMs: 2_300, giveUpMs: 8_000, stallMs: 2_000 };

/** The id of the chunk that contains the filler. */
const fillerId = 'filler';

type Words = llm.ChatChunk | string | FlushSentinel;

/**
 * Makes the filler a segment of its own. Otherwise the TTS would wait for more text before it speaks the filler, and a filler that nothing
 * follows would not be in the transcript.
 */
export const endFiller = (reply: ReadableStream<Words> | null): ReadableStream<Words> | null =>
  reply?.pipeThrough(
    new TransformStream<Words, Words>({
      transform: (chunk, controller) => {
        controller.enqueue(chunk);
        if (typeof chunk === 'object' && chunk.id === fillerId) controller.enqueue(FlushSentinel);
      },
    }),
  ) ?? null;

/** After this many failures in a row the first model is skipped for `skipMs`. */
const maxFailures = 2;
const skipMs = 30_000;

/** The reply is no longer wanted, which says nothing about the model. */
class CanceledError extends Error {}

type Chat = Parameters<llm.LLM['chat']>[0];

export class HedgedLlm extends llm.LLM {
  readonly #options: HedgedLlmOptions;
  readonly #client: OpenAI;
  readonly #breaker = circuitBreaker(
    handleWhen((error) => !(error instanceof CanceledError)),
    { halfOpenAfter: skipMs, breaker: new ConsecutiveBreaker(maxFailures) },
  );

  constructor(options: HedgedLlmOptions) {
    super();
    this.#options = options;
    // The client's log would contain what was said.
    this.#client = new OpenAI({ apiKey: options.apiKey, baseURL: options.baseUrl, maxRetries: 0, logLevel: 'off' });
  }

  override label(): string {
    return 'hedged-llm';
  }

  override get model(): string {
    return this.#options.model;
  }

  override get provider(): string {
    return 'openai';
  }

  override chat(chat: Chat): llm.LLMStream {
    const { model, secondModel, filler } = this.#options;
    const limits = { ...defaultLimits, ...this.#options.limits };
    const begin = (name: string) => this.#begin(name, chat, limits.giveUpMs);
    return new HedgedStream(this, chat, {
      limits,
      filler,
      first: () => begin(model),
      guard: (attempt) => this.#breaker.execute(attempt),
      second: () => begin(secondModel ?? model),
    });
  }

  /** Each attempt has its own instance: the plugin reports failures as events of the instance, not to the stream's reader. */
  #begin(model: string, chat: Chat, timeoutMs: number): Attempt {
    const { temperature } = this.#options;
    const instance = new openai.LLM({ client: this.#client, model });
    let failure: Error | null = null;
    instance.on('error', ({ error }) => (failure = error));
    const stream = instance.chat({
      ...chat,
      connOptions: { maxRetry: 0, retryIntervalMs: 0, timeoutMs },
      // Not as an option of the instance, which drops a temperature of 0.
      extraKwargs: { ...chat.extraKwargs, ...(temperature !== null && { temperature }) },
    });
    return { stream, failure: () => failure };
  }
}

type Attempt = Readonly<{ stream: llm.LLMStream; failure: () => Error | null }>;

/** The first chunk with content; null: the reply ended without any. */
type Answer = Readonly<{ attempt: Attempt; chunk: llm.ChatChunk | null }>;

type Hedge = Readonly<{
  limits: LlmLimits;
  filler: string;
  first: () => Attempt;
  second: () => Attempt;
  /** Runs an attempt of the first model; rejects at once while the circuit is open. */
  guard: (attempt: () => Promise<Answer>) => Promise<Answer>;
}>;

class HedgedStream extends llm.LLMStream {
  readonly #hedge: Hedge;
  readonly #attempts: Attempt[] = [];

  constructor(owner: HedgedLlm, { chatCtx, toolCtx }: Chat, hedge: Hedge) {
    const connOptions = { maxRetry: 0, retryIntervalMs: 0, timeoutMs: hedge.limits.giveUpMs };
    super(owner, { chatCtx, connOptions, ...(toolCtx !== undefined && { toolCtx }) });
    this.#hedge = hedge;
  }

  protected override async run(): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.abortController.signal, over.signal]);
    this.abortController.signal.addEventListener('abort', () => this.#close());
    try {
      const { limits } = this.#hedge;
      const filler = this.#sayFiller(signal);
      const answer = await answerWithin(limits.giveUpMs, this.#firstAnswer(signal));
      over.abort();
      await filler;
      await this.#forward(answer);
    } catch (error) {
      if (!this.abortController.signal.aborted) throw notRetryable(toApiError(error));
    } finally {
      over.abort();
      this.#close();
    }
  }

  /** The answer of whichever attempt is faster. @throws the failure of the second attempt if both fail */
  async #firstAnswer(signal: AbortSignal): Promise<Answer> {
    const { limits, first, second, guard } = this.#hedge;
    const over = Promise.withResolvers<never>();
    over.promise.catch(() => null); // not awaited while the circuit is open
    const one = guard(() => Promise.race([this.#answerOf(first()), over.promise]));
    const failed = one.then(
      () => new Promise<never>(() => {}),
      () => null,
    );
    const other = Promise.race([failed, sleep(limits.secondAttemptMs, null, { signal })]).then(() =>
      this.#answerOf(second()),
    );
    signal.addEventListener('abort', () =>
      over.reject(this.abortController.signal.aborted ? new CanceledError() : new Error('too slow')),
    );
    try {
      return await Promise.any([one, other]);
    } catch (error) {
      throw error instanceof AggregateError ? error.errors.at(-1) : error;
    }
  }

  async #answerOf(attempt: Attempt): Promise<Answer> {
    this.#attempts.push(attempt);
    for (;;) {
      const next = await attempt.stream.next();
      if (next.done === true) {
        const failure = attempt.failure();
        if (failure !== null) throw failure;
        return { attempt, chunk: null };
      }
      if (llm.hasResponse(next.value)) return { attempt, chunk: next.value };
    }
  }

  async #forward({ attempt, chunk }: Answer): Promise<void> {
    if (chunk === null) return;
    this.#put(chunk);
    for (;;) {
      const next = await answerWithin(this.#hedge.limits.stallMs, attempt.stream.next());
      if (next.done === true) break;
      this.#put(next.value);
    }
    const failure = attempt.failure();
    if (failure !== null) throw failure;
  }

  async #sayFiller(signal: AbortSignal): Promise<void> {
    const { limits, filler } = this.#hedge;
    if (filler === '') return;
    const isSlow = await sleep(limits.fillerAfterMs, true, { signal }).catch(() => false);
    if (isSlow) this.#put({ id: fillerId, delta: { role: 'assistant', content: `${filler} ` } });
  }

  #put(chunk: llm.ChatChunk): void {
    if (!this.queue.closed) this.queue.put(chunk);
  }

  #close(): void {
    for (const { stream } of this.#attempts) stream.close();
  }
}

/** @throws APITimeoutError when it takes longer */
const answerWithin = <T>(limitMs: number, answer: Promise<T>): Promise<T> =>
  withTimeLimit(
    limitMs,
    answer,
    () => new APITimeoutError({ message: `no answer within ${limitMs} ms`, options: { retryable: false } }),
  );
