/** Tells the service every turn as soon as it was spoken: in order, with what was really heard. */
import { voice, type llm } from '@livekit/agents';
import type { SpokenTurn } from '#src/protocol/messages.ts';
import { listenForAsked, type AskedFor } from '../turns/request-times.ts';
import type { Playout } from '../speech/playout.ts';

export type Turns = Disposable & {
  /** What the agent said last, after the caller's last words and the last tool that gave it something to say; null: nothing. */
  lastWords: () => string | null;
  /** Tells what is still held back, and what the caller said that the agent will not answer any more. */
  flush: () => void;
};

type Told = Pick<SpokenTurn, 'role' | 'tool' | 'text'>;
type TurnWithoutSeq = Omit<SpokenTurn, 'seq'>;
type Metrics = NonNullable<llm.ChatMessage['metrics']>;

/** The caller's words wait at most this long for the record of the speech that they interrupted. */
const longestHoldMs = 2_000;

/**
 * Listens to a session. `tell` gets each turn once, numbered from `firstSeq`. `onReply` is called when the model's own words
 * were heard and the voice held.
 */
export const recordTurns = (
  session: voice.AgentSession,
  playout: Playout,
  options: { firstSeq: number; tell: (turn: SpokenTurn) => void; onReply: () => void },
): Turns => {
  const told: Told[] = [];
  using opened = new DisposableStack();
  const held = opened.use(openHold(session, (turn) => add(turn)));
  const words = opened.use(listenForWords(session));
  const asked = opened.use(listenForAsked(session));
  const add = (turn: TurnWithoutSeq) => {
    options.tell({ seq: options.firstSeq + told.length, ...turn });
    told.push(turn);
  };
  const onItem = ({ item }: voice.ConversationItemAddedEvent) => {
    if (item.type !== 'message') return;
    if (item.role === 'user' && words.answered(item.textContent ?? '')) held.put(callerTurn(item));
    if (item.role !== 'assistant') return;
    const turn = agentTurn(item, playout, asked.of(item));
    if (turn === null) return;
    add(turn);
    if (item.metrics?.llmNodeTtft !== undefined && !playout.failedLately) options.onReply();
  };
  const onTools = (event: voice.FunctionToolsExecutedEvent) => {
    held.release();
    for (const [call, output] of voice.zipFunctionCallsAndOutputs(event)) add(toolTurn(call, output, event.createdAt));
  };
  opened.use(listen(session, onItem, onTools));
  const kept = opened.move();
  return {
    lastWords: () => lastWordsOf(told),
    flush: () => {
      held.release();
      const unanswered = words.takeUnanswered();
      if (unanswered !== null) add(unanswered);
    },
    [Symbol.dispose]: () => kept.dispose(),
  };
};

const lastWordsOf = (told: readonly Told[]): string | null => {
  const last = told.findLast(({ tool }) => tool?.name !== 'end_call');
  return last?.role === 'agent' ? last.text : null;
};

const listen = (
  session: voice.AgentSession,
  onItem: (event: voice.ConversationItemAddedEvent) => void,
  onTools: (event: voice.FunctionToolsExecutedEvent) => void,
): Disposable => {
  session.on(voice.AgentSessionEventTypes.ConversationItemAdded, onItem);
  session.on(voice.AgentSessionEventTypes.FunctionToolsExecuted, onTools);
  return {
    [Symbol.dispose]: () => {
      session.off(voice.AgentSessionEventTypes.ConversationItemAdded, onItem);
      session.off(voice.AgentSessionEventTypes.FunctionToolsExecuted, onTools);
    },
  };
};

/**
 * The framework drops what the caller said when no answer to it is begun: while the goodbye is spoken, for example. It was
 * said all the same.
 */
const listenForWords = (session: voice.AgentSession) => {
  let unanswered: { text: string; at: number }[] = [];
  let taken = '';
  const onWords = ({ isFinal, transcript, createdAt }: voice.UserInputTranscribedEvent) => {
    if (isFinal && transcript.trim() !== '') unanswered.push({ text: transcript.trim(), at: createdAt });
  };
  session.on(voice.AgentSessionEventTypes.UserInputTranscribed, onWords);
  return {
    /** Notes that a turn of the caller with this text comes; false when it was told already. */
    answered: (text: string): boolean => {
      unanswered = [];
      return text !== taken || taken === '';
    },
    takeUnanswered: (): TurnWithoutSeq | null => {
      const [first] = unanswered;
      const last = unanswered.at(-1);
      if (first === undefined || last === undefined) return null;
      taken = unanswered.map(({ text }) => text).join(' ');
      unanswered = [];
      const turn = { role: 'caller' as const, text: taken, interrupted: false, latency: null, tool: null };
      return { ...turn, startedAt: first.at, endedAt: last.at };
    },
    [Symbol.dispose]: () => void session.off(voice.AgentSessionEventTypes.UserInputTranscribed, onWords),
  };
};

/**
 * When the caller interrupts, the framework may report their words before the speech that they cut off. Their turn waits for
 * that speech to be done.
 */
const openHold = (session: voice.AgentSession, add: (turn: TurnWithoutSeq) => void) => {
  const speeches = new Set<voice.SpeechHandle>();
  const waiting: TurnWithoutSeq[] = [];
  let timer: NodeJS.Timeout | undefined;
  const release = () => {
    clearTimeout(timer);
    for (const turn of waiting.splice(0)) add(turn);
  };
  const cutOff = () => [...speeches].some((speech) => speech.interrupted && !speech.done());
  const onSpeech = ({ speechHandle }: voice.SpeechCreatedEvent) => {
    speeches.add(speechHandle);
    speechHandle.addDoneCallback(() => {
      speeches.delete(speechHandle);
      if (!cutOff()) release();
    });
  };
  session.on(voice.AgentSessionEventTypes.SpeechCreated, onSpeech);
  return {
    put: (turn: TurnWithoutSeq) => {
      waiting.push(turn);
      clearTimeout(timer);
      if (cutOff()) timer = setTimeout(release, longestHoldMs);
      else release();
    },
    release,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      session.off(voice.AgentSessionEventTypes.SpeechCreated, onSpeech);
    },
  };
};

const callerTurn = (item: llm.ChatMessage): TurnWithoutSeq => ({
  role: 'caller',
  text: item.textContent ?? '',
  ...times(item),
  interrupted: false,
  latency: latencies({
    transcript: item.metrics?.transcriptionDelay,
    endOfTurn: item.metrics?.endOfTurnDelay,
  }),
  tool: null,
});

/** Null for what was never heard: the framework keeps a reply in its history even when no sound of it came out. */
const agentTurn = (item: llm.ChatMessage, playout: Playout, asked: AskedFor | null): TurnWithoutSeq | null => {
  if (item.metrics?.startedSpeakingAt === undefined) return null;
  const sentence = item.metrics.llmNodeTtft === undefined;
  const heard = playout.last?.transcript;
  // Of a sentence that was cut off the framework keeps the whole text; the model should know better, too.
  if (sentence && item.interrupted && heard !== undefined) item.content = [heard];
  const text = (item.textContent ?? '').trim();
  if (text === '') return null;
  const { startedAt, endedAt } = times(item);
  // Paused first, an interrupted speech is reported some time after its last word.
  const heardMs = item.interrupted && playout.last?.interrupted ? playout.last.playedMs : Infinity;
  return {
    role: 'agent',
    text,
    startedAt,
    endedAt: Math.min(endedAt, startedAt + heardMs),
    // A voice that failed while prepared sound was played was preparing something else.
    interrupted: item.interrupted || (playout.failedLately && item.metrics.ttsNodeTtfb !== undefined),
    latency: replyLatency(item.metrics, asked),
    tool: null,
  };
};

const replyLatency = (metrics: Metrics, asked: AskedFor | null): Record<string, number> | null => {
  const parts = latencies({
    firstToken: metrics.llmNodeTtft,
    firstAudio: metrics.ttsNodeTtfb,
    heard: metrics.e2eLatency,
    ...sinceCaller(metrics, asked),
  });
  return parts === null || asked === null ? parts : { ...parts, discarded: asked.discarded };
};

/** When it was asked for, since the caller's last sound; where it didn't answer the caller there was none. */
const sinceCaller = ({ startedSpeakingAt, e2eLatency }: Metrics, asked: AskedFor | null): Record<string, number> => {
  if (startedSpeakingAt === undefined || e2eLatency === undefined || asked === null) return {};
  const lastSoundAt = startedSpeakingAt - e2eLatency;
  const since = (at: number): number => at / 1000 - lastSoundAt;
  return { modelAsked: since(asked.modelAt), ...(asked.voiceAt !== null && { voiceAsked: since(asked.voiceAt) }) };
};

const toolTurn = (
  call: llm.FunctionCall,
  output: llm.FunctionCallOutput | undefined,
  endedAt: number,
): TurnWithoutSeq => ({
  role: 'tool',
  text: `${call.name} ${call.args}`,
  startedAt: call.createdAt,
  endedAt,
  interrupted: false,
  latency: null,
  tool: { name: call.name, arguments: fromJson(call.args), result: fromJson(output?.output ?? '') },
});

const times = (item: llm.ChatMessage): { startedAt: number; endedAt: number } => {
  const startedAt = ms(item.metrics?.startedSpeakingAt) ?? item.createdAt;
  return { startedAt, endedAt: Math.max(startedAt, ms(item.metrics?.stoppedSpeakingAt) ?? Date.now()) };
};

/** The framework counts seconds. */
const ms = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : Math.round(seconds * 1000);

const latencies = (seconds: Record<string, Metrics['e2eLatency']>): Record<string, number> | null => {
  const known = Object.entries(seconds).flatMap(([part, value]) =>
    value === undefined ? [] : [[part, value] as const],
  );
  return known.length === 0 ? null : Object.fromEntries(known.map(([part, value]) => [part, Math.round(value * 1000)]));
};

const fromJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text === '' ? null : text;
  }
};
