/** The agent of one call: instructions, history and tools, and the filters around the framework's streams. */
import { llm, voice } from '@livekit/agents';
import { ReadableStream } from 'node:stream/web';
import type { CallJob } from '#src/protocol/job.ts';
import { endFiller } from '../llm/hedged-llm.ts';
import { firstWords } from '../speech/greeting.ts';
import { openBackchannelFilter } from '../turns/backchannel.ts';
import { openBargeIn } from '../turns/barge-in.ts';
import { openGreetingGuard } from '../turns/greeting-guard.ts';
import { openRepeat } from '../turns/repeat.ts';
import type { RequestTimes } from '../turns/request-times.ts';
import type { SpeechTracker } from '../turns/speech-tracker.ts';
import { instructionsOf } from './instructions.ts';
import { endCallTool, type HangUp } from './tools/end-call.ts';
import { takeMessageTool, type Message } from './tools/take-message.ts';
import { transferCallTool, type TransferTo } from './tools/transfer-call.ts';

export type AgentActions = { hangUp: HangUp; takeMessage: (message: Message) => void; transferTo: TransferTo };

type AgentParts = Readonly<{
  job: CallJob;
  session: voice.AgentSession;
  tracker: SpeechTracker;
  requestTimes: RequestTimes;
  actions: AgentActions;
}>;

/** Creates the agent of a call. To be called before the session starts. */
export const createAgent = (parts: AgentParts): voice.Agent => {
  const { job, actions } = parts;
  const tools = [
    endCallTool(actions.hangUp),
    takeMessageTool(job.caller.number, actions.takeMessage),
    ...(job.destinations.length > 0 ? [transferCallTool(job.destinations, actions.transferTo)] : []),
  ];
  return new PhoneAgent({ instructions: instructionsOf(job), chatCtx: historyOf(job), tools }, nodesOf(parts));
};

type Node<Name extends 'sttNode' | 'llmNode' | 'ttsNode' | 'transcriptionNode'> = Awaited<
  ReturnType<voice.Agent[Name]>
>;

/** The filters around each node's stream; `next` runs the framework's own node. */
type Nodes = Readonly<{
  stt: (events: NonNullable<Node<'sttNode'>>) => Node<'sttNode'>;
  llm: (
    request: llm.ChatContext,
    history: llm.ChatContext,
    next: () => Promise<Node<'llmNode'>>,
  ) => Promise<Node<'llmNode'>>;
  tts: (next: () => Promise<Node<'ttsNode'>>) => Promise<Node<'ttsNode'>>;
  transcription: (stream: Node<'transcriptionNode'>) => Node<'transcriptionNode'>;
}>;

const nodesOf = ({ job, session, tracker, requestTimes }: AgentParts): Nodes => {
  const endWhenCutOff = openBargeIn(session, tracker);
  const withoutBackchannels = openBackchannelFilter(tracker);
  const guardGreeting = openGreetingGuard(firstWords(job) === job.greeting ? job.greetingGuardMs : 0, tracker);
  const repeat = openRepeat(tracker);
  return {
    stt: (events) => guardGreeting(withoutBackchannels(events)),
    llm: async (request, history, next) => {
      const words = repeat.wordsFor(request, history);
      if (words !== null) return ReadableStream.from([words]);
      const speech = tracker.current();
      if (speech !== undefined) requestTimes.llmRequested(speech);
      return endWhenCutOff(endFiller(await next()));
    },
    tts: async (next) =>
      endWhenCutOff(await repeat.atRate(next), (frame, speech) => requestTimes.audioReceived(speech, frame)),
    transcription: (stream) => endWhenCutOff(stream),
  };
};

/** Overriding these methods is the framework's way to filter an agent's streams. */
class PhoneAgent extends voice.Agent {
  readonly #nodes: Nodes;

  constructor(options: voice.AgentOptions<unknown>, nodes: Nodes) {
    super(options);
    this.#nodes = nodes;
  }

  override async sttNode(...args: Parameters<voice.Agent['sttNode']>): ReturnType<voice.Agent['sttNode']> {
    const events = await super.sttNode(...args);
    return events === null ? null : this.#nodes.stt(events);
  }

  override async llmNode(...args: Parameters<voice.Agent['llmNode']>): ReturnType<voice.Agent['llmNode']> {
    return this.#nodes.llm(args[0], this.chatCtx, () => super.llmNode(...args));
  }

  override async ttsNode(...args: Parameters<voice.Agent['ttsNode']>): ReturnType<voice.Agent['ttsNode']> {
    return this.#nodes.tts(() => super.ttsNode(...args));
  }

  override async transcriptionNode(
    ...args: Parameters<voice.Agent['transcriptionNode']>
  ): ReturnType<voice.Agent['transcriptionNode']> {
    return this.#nodes.transcription(await super.transcriptionNode(...args));
  }
}

const historyOf = (job: Pick<CallJob, 'history'>): llm.ChatContext => {
  const context = llm.ChatContext.empty();
  for (const { role, text } of job.history) {
    context.addMessage({ role: role === 'agent' ? 'assistant' : 'user', content: text });
  }
  return context;
};
