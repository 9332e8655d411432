/** An agent that says its last words again, slower, when the caller asks for nothing else. The model is not asked. */
import { voice, type llm } from '@livekit/agents';
import { ReadableStream } from 'node:stream/web';
import { InterruptibleAgent } from './barge-in.ts';
import { atPace } from '../tts/speaking-rate.ts';
import { asksToRepeat, lastSentences } from './phrases/repeat-request.ts';

const slower = 0.8;
const mostSentences = 2;

export class RepeatingAgent extends InterruptibleAgent {
  readonly #repetitions = new WeakSet<voice.SpeechHandle>();
  readonly #speeches = new Set<voice.SpeechHandle>();

  override watch(session: voice.AgentSession): void {
    super.watch(session);
    session.on(voice.AgentSessionEventTypes.SpeechCreated, ({ speechHandle }) => {
      this.#speeches.add(speechHandle);
      speechHandle.addDoneCallback((speech) => this.#speeches.delete(speech));
    });
  }

  override async llmNode(...args: Parameters<voice.Agent['llmNode']>): ReturnType<voice.Agent['llmNode']> {
    const words = this.#isCutOff() ? null : wordsToRepeat(args[0], this.chatCtx);
    if (words === null) return super.llmNode(...args);
    if (this.speech !== undefined) this.#repetitions.add(this.speech);
    return ReadableStream.from([words]);
  }

  // The framework asks for the sound of a reply when it has its first word.
  override async ttsNode(...args: Parameters<voice.Agent['ttsNode']>): ReturnType<voice.Agent['ttsNode']> {
    const isRepetition = this.speech !== undefined && this.#repetitions.has(this.speech);
    return atPace(isRepetition ? slower : 1, () => super.ttsNode(...args));
  }

  /** The caller spoke into a sentence: how much of it they heard is not known yet. */
  #isCutOff(): boolean {
    return [...this.#speeches].some((speech) => speech.scheduled && speech.interrupted);
  }
}

/** What to say again; null: the caller asks for something else, or nothing was said to its end. */
const wordsToRepeat = (asked: llm.ChatContext, said: llm.ChatContext): string | null => {
  const request = asked.items.at(-1);
  if (request?.type !== 'message' || request.role !== 'user') return null;
  if (!asksToRepeat(request.textContent ?? '')) return null;
  const last = said.items.findLast((item) => item.type === 'message' && item.role === 'assistant');
  if (last?.type !== 'message' || last.interrupted) return null;
  const words = lastSentences(last.textContent ?? '', mostSentences);
  return words === '' ? null : words;
};
