/** Reports each turn as soon as it has been spoken: in order, and only what was heard. */
import { voice, type llm } from '@livekit/agents';
import { replaceText } from '#src/framework/session.ts';
import type { SpokenTurn } from '#src/protocol/messages.ts';
import type { Playout } from '../speech/playout.ts';
import type { ReplyTimes, RequestTimes } from '../turns/request-times.ts';
import type { SpeechTracker } from '../turns/speech-tracker.ts';

export type Transcript = Disposable & {
  /** What the agent has said since the caller's last words and the last tool call other than `end_call`; null: nothing. */
  lastWords: () => string | null;
  /** Reports pending turns, and words of the caller that the agent won't reply to any more. */
  flush: () => void;
};

type TranscriptOptions = Readonly<{
  tracker: SpeechTracker;
  playout: Playout;
  requestTimes: RequestTimes;
  firstSeq: number;
  /** Called once per turn; the turns are numbered from `firstSeq`. */
  report: (turn: SpokenTurn) => void;
  /** Called when a reply of the model has been heard and the TTS didn't fail. */
  onReply: () => void;
}>;

type Reported = Pick<SpokenTurn, 'role' | 'tool' | 'text'>;
type NewTurn = Omit<SpokenTurn, 'seq'>;
type Metrics = NonNullable<llm.ChatMessage['metrics']>;

/** How long the caller's words wait for the speech that they interrupted to be reported. */
const maxPendingMs = 2_000;

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

/** Returns the function that unsubscribes. */
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
 * Keeps words of the caller that the framework drops because no reply to them begins, for example during the goodbye. They belong in
 * the transcript all the same.
 */
const followWords = ({ events }: SpeechTracker) => {
  let unanswered: { text: string; at: number }[] = [];
  let lastReported = '';
  events.on('words', ({ isFinal, text, at }) => {
    if (isFinal) unanswered.push({ text, at });
  });
  return {
    /** To be called for each of the caller's turns. False if its text has already been reported. */
    isNew: (text: string): boolean => {
      unanswered = [];
      return text !== lastReported || lastReported === '';
    },
    takeUnanswered: (): NewTurn | null => {
      const [first] = unanswered;
      const last = unanswered.at(-1);
      if (first === undefined || last === undefined) return null;
      lastReported = unanswered.map(({ text }) => text).join(' ');
      unanswered = [];
      const turn = { role: 'caller' as const, text: lastReported, interrupted: false, latency: null, tool: null };
      return { ...turn, startedAt: first.at, endedAt: last.at };
    },
  };
};

/** Keeps the order: the framework may report the caller's words before the speech that they cut off, so their turn waits for it. */
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
      if (tracker.isCutOffPending()) timer = setTimeout(release, maxPendingMs);
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

/** Null if nothing was heard: the framework's history also has replies that were never played. */
const agentTurn = (item: llm.ChatMessage, playout: Playout, request: ReplyTimes | null): NewTurn | null => {
  if (item.metrics?.startedSpeakingAt === undefined) return null;
  const isSystemMessage = item.metrics.llmNodeTtft === undefined;
  const heard = playout.last?.transcript;
  // The framework keeps the whole text of a message that was cut off. The model, too, should see only what was heard.
  if (isSystemMessage && item.interrupted && heard !== undefined) replaceText(item, heard);
  const text = (item.textContent ?? '').trim();
  if (text === '') return null;
  const { startedAt, endedAt } = times(item);
  // A speech is first paused and only then interrupted, so it is reported some time after its last word.
  const heardMs = item.interrupted && playout.last?.interrupted ? playout.last.playedMs : Infinity;
  return {
    role: 'agent',
    text,
    startedAt,
    endedAt: Math.min(endedAt, startedAt + heardMs),
    // If the TTS failed while cached speech was played, it was synthesizing something else.
    interrupted: item.interrupted || (playout.failedLately && item.metrics.ttsNodeTtfb !== undefined),
    latency: replyLatency(item.metrics, request),
    tool: null,
  };
};

const replyLatency = (metrics: Metrics, request: ReplyTimes | null): Record<string, number> | null => {
  const parts = latencies({
    firstToken: metrics.llmNodeTtft,
    firstAudio: metrics.ttsNodeTtfb,
    heard: metrics.e2eLatency,
    ...sinceCaller(metrics, request),
  });
  return parts === null || request === null ? parts : { ...parts, discarded: request.discarded };
};

/** When the LLM and the TTS were requested, in s since the caller stopped speaking; nothing if the reply didn't follow the caller's words. */
const sinceCaller = (
  { startedSpeakingAt, e2eLatency }: Metrics,
  request: ReplyTimes | null,
): Record<string, number> => {
  if (startedSpeakingAt === undefined || e2eLatency === undefined || request === null) return {};
  const callerStoppedAt = startedSpeakingAt - e2eLatency;
  const since = (at: number): number => at / 1000 - callerStoppedAt;
  return { modelAsked: since(request.llmAt), ...(request.ttsAt !== null && { voiceAsked: since(request.ttsAt) }) };
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
