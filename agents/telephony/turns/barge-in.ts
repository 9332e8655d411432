/**
 * An agent that stops at once, but not for an "uh-huh", nor while its greeting is protected. The framework, when a speech is cut
 * off, waits for the next token, the next sound and the end of the transcript before it lets go: up to 4 s in which the caller
 * gets no answer to what they went on to say. Here each of these streams ends as soon as its speech is cut off.
 */
import { voice } from '@livekit/agents';
import { AsyncLocalStorage } from 'node:async_hooks';
import { ReadableStream } from 'node:stream/web';
import { noteModelAsked, noteSound } from './request-times.ts';
import { followTalk, openBackchannelFilter } from './backchannel.ts';
import { openProtection, type Protection } from './greeting-guard.ts';
import { endHold } from '../llm/hedged-llm.ts';

export class InterruptibleAgent extends voice.Agent {
  readonly #speech = new AsyncLocalStorage<voice.SpeechHandle>();
  readonly #talk = followTalk();
  readonly #backchannels = openBackchannelFilter();
  readonly #protection: Protection;

  /** @param protectedMs for so long what it says first can't be interrupted */
  constructor(options: voice.AgentOptions<unknown>, protectedMs: number) {
    super(options);
    this.#protection = openProtection(protectedMs);
  }

  /** To be called before the session starts. */
  watch(session: voice.AgentSession): void {
    // The event comes in the very call that then starts the speech's tasks: they inherit which speech they belong to.
    session.on(voice.AgentSessionEventTypes.SpeechCreated, ({ speechHandle }) => {
      this.#speech.enterWith(speechHandle);
      // A paused speech that is cut off would first be let go on, and cleared a moment later: a click, as the agent falls silent.
      cutOff(speechHandle).then(() => this.#talk.isAbout(speechHandle) && session.output.audio?.clearBuffer(), rethrow);
    });
    this.#talk.watch(session);
    this.#backchannels.watch(session);
    this.#protection.watch(session);
  }

  /** The speech that is being made in the node that asks. */
  protected get speech(): voice.SpeechHandle | undefined {
    return this.#speech.getStore();
  }

  override async sttNode(...args: Parameters<voice.Agent['sttNode']>): ReturnType<voice.Agent['sttNode']> {
    const events = await super.sttNode(...args);
    return events === null ? null : this.#protection.filter(this.#backchannels.filter(events));
  }

  override async llmNode(...args: Parameters<voice.Agent['llmNode']>): ReturnType<voice.Agent['llmNode']> {
    const speech = this.#speech.getStore();
    if (speech !== undefined) noteModelAsked(speech);
    return this.#untilCutOff(endHold(await super.llmNode(...args)));
  }

  override async ttsNode(...args: Parameters<voice.Agent['ttsNode']>): ReturnType<voice.Agent['ttsNode']> {
    return this.#untilCutOff(await super.ttsNode(...args), noteSound);
  }

  override async transcriptionNode(
    ...args: Parameters<voice.Agent['transcriptionNode']>
  ): ReturnType<voice.Agent['transcriptionNode']> {
    return this.#untilCutOff(await super.transcriptionNode(...args));
  }

  #untilCutOff<T>(
    stream: ReadableStream<T> | null,
    note: (speech: voice.SpeechHandle, item: T) => void = () => {},
  ): ReadableStream<T> | null {
    const speech = this.#speech.getStore();
    if (stream === null || speech === undefined) return stream;
    return endWith(stream, cutOff(speech), (item) => note(speech, item));
  }
}

/** Nothing rejects here; what did would be seen as an unhandled rejection. */
const rethrow = (error: unknown): never => {
  throw error;
};

const cutOff = async (speech: voice.SpeechHandle): Promise<void> => {
  await speech.waitIfNotInterrupted([new Promise<never>(() => {})]);
};

/** The same stream, which ends when `end` settles, whatever its source does. `note` gets each item first. */
const endWith = <T>(source: ReadableStream<T>, end: Promise<void>, note: (item: T) => void): ReadableStream<T> => {
  const reader = source.getReader();
  return new ReadableStream<T>(
    {
      pull: async (controller) => {
        const next = await Promise.race([reader.read(), end]);
        if (next !== undefined && !next.done) {
          note(next.value);
          return controller.enqueue(next.value);
        }
        controller.close();
        if (next === undefined) await reader.cancel();
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
};
