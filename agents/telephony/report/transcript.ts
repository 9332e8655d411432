/** Reports every turn as soon as it was spoken: in order, with what was really heard. */
import { voice, type llm } from '@livekit/agents';
import { replaceText } from '#src/framework/session.ts';
import type { SpokenTurn } from '#src/protocol/messages.ts';
import type { Playout } from '../speech/playout.ts';
import type { ReplyTimes, RequestTimes } from '../turns/request-times.ts';
import type { SpeechTracker } from '../turns/speech-tracker.ts';

export type Transcript = Disposable & {
  /** What the agent said last, after the caller's last words and the last tool call that gave it something to say; null: nothing. */
  lastWords: () => string | null;
  /** Reports what is still held back, and what the caller said that the agent will not answer any more. */
  flush: () => void;
};

type TranscriptOptions = Readonly<{
  tracker: SpeechTracker;
  playout: Playout;
  requestTimes: RequestTimes;
  firstSeq: number;
  /** Gets each turn once, numbered from `firstSeq`. */
  report: (turn: SpokenTurn) => void;
  /** Called when the model's own words were heard and the voice didn't fail. */
  onReply: () => void;
}>;

type Reported = Pick<SpokenTurn, 'role' | 'tool' | 'text'>;
type NewTurn = Omit<SpokenTurn, 'seq'>;
type Metrics = NonNullable<llm.ChatMessage['metrics']>;

/** The longest that the caller's words wait for the record of the speech that they interrupted. */
const longestPendingMs = 2_000;

/** Records a session's turns. */
export const recordTranscript = (session: voice.AgentSession, options: TranscriptOptions): Transcript => {
  const { tracker, playout, requestTimes, firstSeq, report, onReply } = options;
  const reported: Reported[] = [];
  const add = (turn: NewTurn) => {
    report({ seq: firstSeq + reported.length, ...turn });
    reported.push(turn);
  };
  const pending = openPendingTurns(tracker, add);
  const words = followWords(tracker);
  const stop = subscribe(
    session,
    ({ item }) => {
      if (item.type !== 'message') return;
      if (item.role === 'user' && words.isNew(item.textContent ?? '')) pending.put(callerTurn(item));
      if (item.role !== 'assistant') return;
      const turn = agentTurn(item, playout, requestTimes.of(item));
      if (turn === null) return;
      add(turn);
      if (item.metrics?.llmNodeTtft !== undefined && !playout.failedLately) onReply();
    },
    (event) => {
      pending.release();
      for (const [call, output] of voice.zipFunctionCallsAndOutputs(event))
        add(toolTurn(call, output, event.createdAt));
    },
  );
  return {
    lastWords: () => lastWordsOf(reported),
    flush: () => {
      pending.release();
      const unanswered = words.takeUnanswered();
      if (unanswered !== null) add(unanswered);
    },
    [Symbol.dispose]: () => {
      stop();
      pending[Symbol.dispose]();
    },
  };
};

const lastWordsOf = (reported: readonly Reported[]): string | null => {
  const last = reported.findLast(({ tool }) => tool?.name !== 'end_call');
  return last?.role === 'agent' ? last.text : null;
};

/** Gives what ends the subscription. */
const subscribe = (
  session: voice.AgentSession,
  onItem: (event: voice.ConversationItemAddedEvent) => void,
  onTools: (event: voice.FunctionToolsExecutedEvent) => void,
): (() => void) => {
  const { ConversationItemAdded, FunctionToolsExecuted } = voice.AgentSessionEventTypes;
  session.on(ConversationItemAdded, onItem).on(FunctionToolsExecuted, onTools);
  return () => void session.off(ConversationItemAdded, onItem).off(FunctionToolsExecuted, onTools);
};

/**
 * The framework drops what the caller said when no answer to it is begun, for example while the goodbye is spoken. It was said all the
 * same.
 */
const followWords = ({ events }: SpeechTracker) => {
  let unanswered: { text: string; at: number }[] = [];
  let taken = '';
  events.on('words', ({ isFinal, text, at }) => {
    if (isFinal) unanswered.push({ text, at });
  });
  return {
    /** Notes that a turn of the caller with this text is there; false when it was reported already. */
    isNew: (text: string): boolean => {
      unanswered = [];
      return text !== taken || taken === '';
    },
    takeUnanswered: (): NewTurn | null => {
      const [first] = unanswered;
      const last = unanswered.at(-1);
      if (first === undefined || last === undefined) return null;
      taken = unanswered.map(({ text }) => text).join(' ');
      unanswered = [];
      const turn = { role: 'caller' as const, text: taken, interrupted: false, latency: null, tool: null };
      return { ...turn, startedAt: first.at, endedAt: last.at };
    },
  };
};

/** When the caller interrupts, the framework may report their words before the speech that they cut off: their turn waits for it. */
const openPendingTurns = (tracker: SpeechTracker, add: (turn: NewTurn) => void) => {
  const waiting: NewTurn[] = [];
  let timer: NodeJS.Timeout | undefined;
  const release = () => {
    clearTimeout(timer);
    for (const turn of waiting.splice(0)) add(turn);
  };
  tracker.events.on('done', () => {
    if (!tracker.isCutOffPending()) release();
  });
  return {
    put: (turn: NewTurn) => {
      waiting.push(turn);
      clearTimeout(timer);
      if (tracker.isCutOffPending()) timer = setTimeout(release, longestPendingMs);
      else release();
    },
    release,
    [Symbol.dispose]: () => clearTimeout(timer),
  };
};

const callerTurn = (item: llm.ChatMessage): NewTurn => ({
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
const agentTurn = (item: llm.ChatMessage, playout: Playout, asked: ReplyTimes | null): NewTurn | null => {
  if (item.metrics?.startedSpeakingAt === undefined) return null;
  const isSystemMessage = item.metrics.llmNodeTtft === undefined;
  const heard = playout.last?.transcript;
  // Of a sentence that was cut off the framework keeps the whole text; the model should know better, too.
  if (isSystemMessage && item.interrupted && heard !== undefined) replaceText(item, heard);
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

const replyLatency = (metrics: Metrics, asked: ReplyTimes | null): Record<string, number> | null => {
  const parts = latencies({
    firstToken: metrics.llmNodeTtft,
    firstAudio: metrics.ttsNodeTtfb,
    heard: metrics.e2eLatency,
    ...sinceCaller(metrics, asked),
  });
  return parts === null || asked === null ? parts : { ...parts, discarded: asked.discarded };
};

/** When it was asked for, since the caller's last sound; where it didn't answer the caller there was none. */
const sinceCaller = ({ startedSpeakingAt, e2eLatency }: Metrics, asked: ReplyTimes | null): Record<string, number> => {
  if (startedSpeakingAt === undefined || e2eLatency === undefined || asked === null) return {};
  const lastSoundAt = startedSpeakingAt - e2eLatency;
  const since = (at: number): number => at / 1000 - lastSoundAt;
  return { modelAsked: since(asked.modelAt), ...(asked.voiceAt !== null && { voiceAsked: since(asked.voiceAt) }) };
};

const toolTurn = (call: llm.FunctionCall, output: llm.FunctionCallOutput | undefined, endedAt: number): NewTurn => ({
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
