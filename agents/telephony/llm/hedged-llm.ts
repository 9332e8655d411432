/**
 * A model that doesn't keep the caller waiting. An attempt that fails, or has said nothing for a moment, gets a second one beside it: by
 * the second model where there is one. Whichever answers first is heard, the other is let go. Who waits longer than that
 * hears a sentence meanwhile. What has been said is never said again: an answer that breaks off is over. A model that failed twice in a
 * row is left alone for a while: the second attempt is then the only one.
 */
import { APITimeoutError, FlushSentinel, llm } from '@livekit/agents';
import * as openai from '@livekit/agents-plugin-openai';
import { TransformStream, type ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import { circuitBreaker, ConsecutiveBreaker, handleWhen } from 'cockatiel';
import { OpenAI } from 'openai';
import { final, toApiError } from '#src/framework/api-error.ts';

type HedgedLlmOptions = Readonly<{
  apiKey: string;
  /** http(s)://…/v1 */
  baseUrl: string;
  model: string;
  /** Of the second attempt; null: the same. */
  secondModel: string | null;
  /** Null: the model's own. */
  temperature: number | null;
  /** What is said to who waits; empty: nothing. */
  filler: string;
  limits?: Partial<LlmLimits>;
}>;

/** Each in ms since the model was asked, but for the last. */
export type LlmLimits = Readonly<{
  secondAttemptMs: number;
  fillerAfterMs: number;
  giveUpMs: number;
  /** From one token to the next. */
  stallMs: number;
}>;

const defaultLimits: LlmLimits = { secondAttemptMs: 1_200, fillerAfterMs: 2_300, giveUpMs: 8_000, stallMs: 2_000 };

/** Of the chunk that is the sentence for who waits. */
const fillerId = 'hold';

type Words = llm.ChatChunk | string | FlushSentinel;

/**
 * The same reply, in which the sentence for who waits is a segment of its own. Without an end it would not be spoken by a voice that
 * waits for more, nor recorded where nothing follows.
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

/** After so many failures in a row the first model is left alone for so long. */
const maxFailures = 2;
const leftAloneMs = 30_000;

/** The answer isn't wanted any more: that says nothing about the model. */
class LetGoError extends Error {}

type Chat = Parameters<llm.LLM['chat']>[0];

export class HedgedLlm extends llm.LLM {
  readonly #options: HedgedLlmOptions;
  readonly #client: OpenAI;
  readonly #breaker = circuitBreaker(
    handleWhen((error) => !(error instanceof LetGoError)),
    { halfOpenAfter: leftAloneMs, breaker: new ConsecutiveBreaker(maxFailures) },
  );

  constructor(options: HedgedLlmOptions) {
    super();
    this.#options = options;
    // Its log would hold what was said.
    this.#client = new OpenAI({ apiKey: options.apiKey, baseURL: options.baseUrl, maxRetries: 0, logLevel: 'off' });
  }

  override label(): string {
    return 'steady-llm';
  }

  override get model(): string {
    return this.#options.model;
  }

  override get provider(): string {
    return 'openai';
  }

  override chat(chat: Chat): llm.LLMStream {
    const { model, secondModel, filler: holdSentence } = this.#options;
    const limits = { ...defaultLimits, ...this.#options.limits };
    const begin = (name: string) => this.#begin(name, chat, limits.giveUpMs);
    return new HedgedStream(this, chat, {
      limits,
      holdSentence,
      first: () => begin(model),
      guard: (ask) => this.#breaker.execute(ask),
      second: () => begin(secondModel ?? model),
    });
  }

  /** A model of its own for each attempt: the plugin tells a failure to its model, not to who reads the stream. */
  #begin(model: string, chat: Chat, timeoutMs: number): Attempt {
    const { temperature } = this.#options;
    const asked = new openai.LLM({ client: this.#client, model });
    let failure: Error | null = null;
    asked.on('error', ({ error }) => (failure = error));
    const stream = asked.chat({
      ...chat,
      connOptions: { maxRetry: 0, retryIntervalMs: 0, timeoutMs },
      // Here and not as the model's option, which drops a temperature of 0.
      extraKwargs: { ...chat.extraKwargs, ...(temperature !== null && { temperature }) },
    });
    return { stream, failure: () => failure };
  }
}

type Attempt = Readonly<{ stream: llm.LLMStream; failure: () => Error | null }>;

/** The first chunk that says something, or the end of an answer that says nothing. */
type Answer = Readonly<{ attempt: Attempt; chunk: llm.ChatChunk | null }>;

type Waiting = Readonly<{
  limits: LlmLimits;
  holdSentence: string;
  first: () => Attempt;
  second: () => Attempt;
  /** Asks the first model, unless that is left alone now: then it rejects at once. */
  guard: (ask: () => Promise<Answer>) => Promise<Answer>;
}>;

class HedgedStream extends llm.LLMStream {
  readonly #waiting: Waiting;
  readonly #attempts: Attempt[] = [];

  constructor(owner: HedgedLlm, { chatCtx, toolCtx }: Chat, waiting: Waiting) {
    const connOptions = { maxRetry: 0, retryIntervalMs: 0, timeoutMs: waiting.limits.giveUpMs };
    super(owner, { chatCtx, connOptions, ...(toolCtx !== undefined && { toolCtx }) });
    this.#waiting = waiting;
  }

  protected override async run(): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.abortController.signal, over.signal]);
    this.abortController.signal.addEventListener('abort', () => this.#close());
    try {
      const { limits } = this.#waiting;
      const hold = this.#hold(signal);
      const answer = await within(limits.giveUpMs, this.#firstAnswer(signal));
      over.abort();
      await hold;
      await this.#forward(answer);
    } catch (error) {
      if (!this.abortController.signal.aborted) throw final(toApiError(error));
    } finally {
      over.abort();
      this.#close();
    }
  }

  /** Whichever of two attempts says something first. @throws what the last one failed of */
  async #firstAnswer(signal: AbortSignal): Promise<Answer> {
    const { limits, first, second, guard } = this.#waiting;
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => null); // nobody waits for it where the first model is left alone
    const one = guard(() => Promise.race([this.#answerOf(first()), late.promise]));
    const failed = one.then(
      () => new Promise<never>(() => {}),
      () => null,
    );
    const other = Promise.race([failed, sleep(limits.secondAttemptMs, null, { signal })]).then(() =>
      this.#answerOf(second()),
    );
    signal.addEventListener('abort', () =>
      late.reject(this.abortController.signal.aborted ? new LetGoError() : new Error('it took too long')),
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
      const next = await within(this.#waiting.limits.stallMs, attempt.stream.next());
      if (next.done === true) break;
      this.#put(next.value);
    }
    const failure = attempt.failure();
    if (failure !== null) throw failure;
  }

  async #hold(signal: AbortSignal): Promise<void> {
    const { limits, holdSentence } = this.#waiting;
    if (holdSentence === '') return;
    const isLong = await sleep(limits.fillerAfterMs, true, { signal }).catch(() => false);
    if (isLong) this.#put({ id: fillerId, delta: { role: 'assistant', content: `${holdSentence} ` } });
  }

  #put(chunk: llm.ChatChunk): void {
    if (!this.queue.closed) this.queue.put(chunk);
  }

  #close(): void {
    for (const { stream } of this.#attempts) stream.close();
  }
}

/** @throws APITimeoutError when it takes longer */
const within = async <T>(limitMs: number, wanted: Promise<T>): Promise<T> => {
  const late = Promise.withResolvers<never>();
  const problem = new APITimeoutError({ message: `no answer within ${limitMs} ms`, options: { retryable: false } });
  const timer = setTimeout(() => late.reject(problem), limitMs);
  try {
    return await Promise.race([wanted, late.promise]);
  } finally {
    clearTimeout(timer);
  }
};
