/** Deepgram's live transcription, `GET /v1/listen`: hears speech by its loudness, takes its words from the scenario. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { type Vad, type VadEvent, createVad } from './vad.ts';
import { sendJson } from '../simulation/http.ts';
import { type ScriptCursor, splitUtterance, type Utterance, type Word, wordsHeard } from '../scenario/script.ts';
import { logRequest, type Simulation, type ProviderRequest } from '../simulation/simulation.ts';
import { readMessage, refuse, toBuffer, type Upgrade } from './sockets.ts';

const flag = z.stringbool().catch(false);

const querySchema = z.object({
  encoding: z.literal('linear16', 'this simulator hears encoding=linear16 only'),
  sample_rate: z.coerce.number('sample_rate is missing').int().min(8000).max(96_000),
  channels: z.coerce.number().int().min(1).max(8).default(1),
  endpointing: z.coerce.number().catch(10).default(10),
  utterance_end_ms: z.coerce.number().int().min(0).optional(),
  interim_results: flag,
  vad_events: flag,
  punctuate: flag,
  smart_format: flag,
});
type Query = z.output<typeof querySchema>;

/** One stretch of speech; `startedMs` and `endedMs` on the clock of `performance.now()`, the others in ms of sound. */
type Segment = {
  piece: Utterance | null;
  spoken: Word[];
  startMs: number;
  startedMs: number;
  endMs: number | null;
  shown: string;
};

type ListenSession = {
  sim: Simulation;
  scenario: string;
  query: Query;
  socket: WebSocket;
  ear: Vad;
  /** Chosen when speech first starts: a client may open its new socket before it closes the broken one. */
  cursor: ScriptCursor | null;
  requestId: string;
  /** Not yet delivered, in order; the last may still be going on. */
  stretches: Segment[];
  lastEndMs: number;
  soundAtMs: number;
  messageAtMs: number;
  muted: boolean;
  /** The client said that it is done. */
  closed: boolean;
};

/** Without any sound for so long, speech counts as ended: clients may stop sending in silence. */
const noSoundMs = 400;
/** Deepgram closes a socket that hears neither sound nor KeepAlive. */
const inactivityMs = 10_000;

/** Answers `GET /v1/auth/token`, which tells who has a key that it is a good one. */
export const sendToken = (response: ServerResponse): void => {
  sendJson(response, 200, { api_key_id: 'simulated', scopes: ['member'], accessor: 'simulated', created: null });
};

/** Answers an upgrade to `/v1/listen`, which is authorized. */
export const acceptListen = (
  sim: Simulation,
  visit: ProviderRequest,
  upgrade: Upgrade,
  server: WebSocketServer,
): void => {
  const scenario = visit.scenario.name;
  const fault = sim.faults.take('stt', scenario, ({ kind, since }) => kind !== 'dropAtFinal' && since === 'open');
  if (fault?.kind === 'hangConnect') return logRequest(sim, 'listen', 0, scenario);
  const query = querySchema.safeParse(Object.fromEntries(visit.url.searchParams));
  if (fault?.kind === 'refuse429' || !query.success) {
    const status = query.success ? 429 : 400;
    logRequest(sim, 'listen', status, scenario);
    if (query.success)
      return refuse(upgrade, status, 'TOO_MANY_REQUESTS', 'Too many requests. Please try again later.');
    return refuse(upgrade, status, 'INVALID_QUERY_PARAMETER', z.prettifyError(query.error).replaceAll('\n', ' '));
  }
  logRequest(sim, 'listen', 101, scenario);
  server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (socket) => {
    const listening = listen(sim, scenario, query.data, socket);
    if (fault?.kind === 'dropAfterMs') setTimeout(() => socket.terminate(), fault.ms);
    listening.muted = fault?.kind === 'silent';
  });
};

const listen = (sim: Simulation, scenario: string, query: Query, socket: WebSocket): ListenSession => {
  const hangoverMs = Math.max(query.endpointing, sim.delays.hangoverMs);
  const listening: ListenSession = {
    ...{ sim, scenario, query, socket },
    ear: createVad({ sampleRate: query.sample_rate, channels: query.channels }, sim.delays.thresholdDbfs, hangoverMs),
    cursor: null,
    requestId: randomUUID(),
    stretches: [],
    lastEndMs: -Infinity,
    soundAtMs: performance.now(),
    messageAtMs: performance.now(),
    muted: false,
    closed: false,
  };
  const ticking = setInterval(() => tick(listening), sim.delays.interimEveryMs);
  socket.on('message', (data, isBinary) => {
    listening.messageAtMs = performance.now();
    if (isBinary) hear(listening, toBuffer(data));
    else obey(listening, readMessage(data)?.type ?? '');
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    clearInterval(ticking);
    for (const { piece } of listening.stretches) if (piece) listening.cursor?.requeue(piece);
    listening.stretches = [];
    // Whoever reconnects goes on where this one was; who said goodbye doesn't.
    if (!listening.closed && listening.cursor) sim.scripts.park(scenario, listening.cursor);
  });
  return listening;
};

const hear = (listening: ListenSession, pcm: Buffer): void => {
  listening.soundAtMs = performance.now();
  for (const heard of listening.ear.push(pcm)) notice(listening, heard);
};

const notice = (listening: ListenSession, heard: VadEvent): void => {
  const clockAt = (ms: number): number => listening.soundAtMs - (listening.ear.positionMs() - ms);
  if (heard.kind === 'start') startStretch(listening, heard.startMs, clockAt(heard.startMs));
  else endStretch(listening, heard.endMs, clockAt(heard.endMs));
};

const startStretch = (listening: ListenSession, startMs: number, startedMs: number): void => {
  const { sim, scenario, socket } = listening;
  const fault = sim.faults.take('stt', scenario, ({ kind, since }) => kind === 'silent' || since === 'speech');
  if (fault?.kind === 'dropAfterMs') setTimeout(() => socket.terminate(), fault.ms);
  if (fault?.kind === 'silent') listening.muted = true;
  listening.cursor ??= sim.scripts.cursor(scenario);
  const piece = listening.cursor.next(startMs - listening.lastEndMs);
  listening.stretches.push({ piece, spoken: [], startMs, startedMs, endMs: null, shown: '' });
  if (listening.query.vad_events) send(listening, { type: 'SpeechStarted', channel: [0], timestamp: startMs / 1000 });
};

const endStretch = (listening: ListenSession, endMs: number, endedMs: number): void => {
  const stretch = listening.stretches.at(-1);
  if (!stretch) return;
  stretch.endMs = endMs;
  listening.lastEndMs = endMs;
  if (stretch.piece) {
    const { spoken, rest } = splitUtterance(stretch.piece, endMs - stretch.startMs);
    stretch.spoken = spoken;
    if (rest) listening.cursor?.saveRest(rest);
  }
  const dueMs = Math.max(0, endedMs + listening.sim.delays.finalDelayMs - performance.now());
  setTimeout(() => deliver(listening, stretch, { finalize: false }), dueMs);
  setUtteranceEnd(listening, stretch, endedMs);
};

const setUtteranceEnd = (listening: ListenSession, stretch: Segment, endedMs: number): void => {
  const afterMs = listening.query.utterance_end_ms;
  if (afterMs === undefined) return;
  const lastWordEnd = (stretch.startMs + (stretch.spoken.at(-1)?.endMs ?? 0)) / 1000;
  const goOff = (): void => {
    if (listening.lastEndMs !== stretch.endMs || listening.stretches.length > 0) return;
    send(listening, { type: 'UtteranceEnd', channel: [0, 1], last_word_end: lastWordEnd });
  };
  const dueMs = endedMs + Math.max(afterMs, listening.sim.delays.finalDelayMs + 10);
  setTimeout(goOff, Math.max(0, dueMs - performance.now()));
};

const deliver = (listening: ListenSession, stretch: Segment, { finalize }: { finalize: boolean }): void => {
  const { sim, scenario, socket, stretches } = listening;
  // What a mute socket keeps to itself counts as lost when it closes.
  if (!stretches.includes(stretch) || listening.muted) return;
  const { kind } = sim.faults.take('stt', scenario, (fault) => fault.kind === 'dropAtFinal') ?? {};
  if (kind === 'dropAtFinal') return socket.terminate();
  stretches.splice(stretches.indexOf(stretch), 1);
  logRequest(sim, 'final', 200, scenario);
  send(listening, results(listening, stretch, stretch.spoken, { final: true, finalize }));
};

/** Every `interimEveryMs`: what was understood by now, and whether anybody is still there. */
const tick = (listening: ListenSession): void => {
  const nowMs = performance.now();
  const { ear, sim, socket, stretches } = listening;
  const last = stretches.at(-1);
  const quietMs = nowMs - listening.soundAtMs;
  if (last?.endMs === null && quietMs > Math.max(noSoundMs, listening.query.endpointing)) {
    for (const heard of ear.endNow()) notice(listening, heard);
  }
  if (nowMs - listening.messageAtMs > inactivityMs) {
    socket.close(1011, 'Deepgram did not receive audio data or a text message within the timeout window. NET-0001');
  }
  if (!listening.query.interim_results || !last?.piece) return;
  const heardMs = Math.min(ear.positionMs() - last.startMs, nowMs - last.startedMs);
  const ended = last.endMs !== null;
  const words = ended ? last.spoken.filter((w) => w.endMs <= heardMs - sim.delays.interimLagMs) : null;
  const shown = words ?? wordsHeard(last.piece, heardMs, sim.delays.interimLagMs);
  const message = results(listening, last, shown, { final: false, finalize: false });
  if (shown.length === 0 || transcriptOf(listening.query, shown) === last.shown) return;
  last.shown = transcriptOf(listening.query, shown);
  send(listening, message);
};

const obey = (listening: ListenSession, type: string): void => {
  if (type === 'KeepAlive') return;
  if (type !== 'Finalize' && type !== 'CloseStream') {
    return listening.socket.close(1008, 'DATA-0000: the message is not understood');
  }
  for (const heard of listening.ear.endNow()) notice(listening, heard);
  const pending = [...listening.stretches];
  for (const stretch of pending) deliver(listening, stretch, { finalize: type === 'Finalize' });
  if (type === 'CloseStream') return closeStream(listening);
  const nothing: Segment = { piece: null, spoken: [], startMs: 0, startedMs: 0, endMs: 0, shown: '' };
  if (pending.length === 0) send(listening, results(listening, nothing, [], { final: true, finalize: true }));
};

const closeStream = (listening: ListenSession): void => {
  listening.closed = true;
  const duration = listening.ear.positionMs() / 1000;
  const created = new Date().toISOString();
  send(listening, { type: 'Metadata', request_id: listening.requestId, created, duration, channels: 1 });
  listening.socket.close(1000);
};

const results = (
  listening: ListenSession,
  stretch: Segment,
  words: Word[],
  is: { final: boolean; finalize: boolean },
): object => {
  const seconds = (ms: number): number => Math.round(stretch.startMs + ms) / 1000;
  const lengthMs = (stretch.endMs ?? listening.ear.positionMs()) - stretch.startMs;
  const confidence = 0.98;
  return {
    type: 'Results',
    channel_index: [0, 1],
    duration: Math.round(lengthMs) / 1000,
    start: seconds(0),
    is_final: is.final,
    speech_final: is.final,
    from_finalize: is.finalize,
    channel: {
      alternatives: [
        {
          transcript: transcriptOf(listening.query, words),
          confidence: words.length > 0 ? confidence : 0,
          words: words.map(({ text, startMs, endMs }) => ({
            word: plain(text),
            start: seconds(startMs),
            end: seconds(endMs),
            confidence,
            ...(isFormatted(listening.query) && { punctuated_word: text }),
          })),
        },
      ],
    },
    metadata: {
      request_id: listening.requestId,
      model_info: { name: 'simulated', version: '1' },
      model_uuid: 'simulated',
    },
  };
};

const transcriptOf = (query: Query, words: Word[]): string =>
  words.map(({ text }) => (isFormatted(query) ? text : plain(text))).join(' ');

const isFormatted = (query: Query): boolean => query.punctuate || query.smart_format;

const plain = (word: string): string => word.toLowerCase().replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '') || word;

const send = ({ socket, muted }: ListenSession, message: object): void => {
  if (!muted && socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
};
