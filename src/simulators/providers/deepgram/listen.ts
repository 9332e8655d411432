/** Deepgram's live transcription, `GET /v1/listen`: detects speech by its level, takes the words from the scenario. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { splitUtterance, wordsHeard, type ScriptCursor, type Utterance, type Word } from '../scenario/script.ts';
import { sendJson } from '../simulation/http.ts';
import { logRequest, type RequestTarget, type Simulation } from '../simulation/simulation.ts';
import { resultsMessage, transcriptOf, type ResultsFlags } from './results.ts';
import { readMessage, refuse, toBuffer, type Upgrade } from './sockets.ts';
import { createVad, type Vad, type VadEvent } from './vad.ts';

const flag = z.stringbool().catch(false);

const querySchema = z.object({
  encoding: z.literal('linear16', 'This simulator supports only encoding=linear16.'),
  sample_rate: z.coerce.number('sample_rate is required.').int().min(8000).max(96_000),
  channels: z.coerce.number().int().min(1).max(8).default(1),
  endpointing: z.coerce.number().catch(10).default(10),
  utterance_end_ms: z.coerce.number().int().min(0).optional(),
  interim_results: flag,
  vad_events: flag,
  punctuate: flag,
  smart_format: flag,
});
type Query = z.output<typeof querySchema>;

/** One stretch of speech. `startedMs` is on the clock of `performance.now()`; the other times are in ms of audio. */
type Segment = {
  /** null: the script has nothing more to say. */
  utterance: Utterance | null;
  spoken: Word[];
  startMs: number;
  startedMs: number;
  endMs: number | null;
  lastInterim: string;
};

type ListenSession = {
  simulation: Simulation;
  scenario: string;
  query: Query;
  socket: WebSocket;
  vad: Vad;
  /** Chosen when speech first starts: a client may open a new socket before it closes the broken one. */
  cursor: ScriptCursor | null;
  requestId: string;
  /** Not yet delivered, in order; the last may still be in progress. */
  segments: Segment[];
  lastEndMs: number;
  audioAtMs: number;
  messageAtMs: number;
  /** A fault: nothing is sent any more. */
  isMuted: boolean;
  /** The client sent CloseStream. */
  isClosed: boolean;
};

/** Without audio for this long, speech counts as ended: clients may stop sending during silence. */
const noAudioMs = 400;
/** Deepgram closes a socket that receives neither audio nor KeepAlive. */
const inactivityMs = 10_000;

/** Handles `GET /v1/auth/token`, by which clients verify a key. */
export const sendToken = (response: ServerResponse): void => {
  sendJson(response, 200, { api_key_id: 'simulated', scopes: ['member'], accessor: 'simulated', created: null });
};

/** Handles an authorized upgrade to `/v1/listen`. */
export const acceptListen = (
  simulation: Simulation,
  target: RequestTarget,
  upgrade: Upgrade,
  server: WebSocketServer,
): void => {
  const scenario = target.scenario.name;
  const fault = simulation.faults.take(
    'stt',
    scenario,
    ({ kind, since }) => kind !== 'dropAtFinal' && since === 'open',
  );
  if (fault?.kind === 'hangConnect') return logRequest(simulation, 'listen', 0, scenario);
  const query = querySchema.safeParse(Object.fromEntries(target.url.searchParams));
  if (fault?.kind === 'refuse429' || !query.success) {
    const status = query.success ? 429 : 400;
    logRequest(simulation, 'listen', status, scenario);
    if (query.success)
      return refuse(upgrade, status, 'TOO_MANY_REQUESTS', 'Too many requests. Please try again later.');
    return refuse(upgrade, status, 'INVALID_QUERY_PARAMETER', z.prettifyError(query.error).replaceAll('\n', ' '));
  }
  logRequest(simulation, 'listen', 101, scenario);
  server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (socket) => {
    const session = openSession(simulation, scenario, query.data, socket);
    if (fault?.kind === 'dropAfterMs') setTimeout(() => socket.terminate(), fault.ms);
    session.isMuted = fault?.kind === 'silent';
  });
};

const openSession = (simulation: Simulation, scenario: string, query: Query, socket: WebSocket): ListenSession => {
  const session: ListenSession = {
    simulation,
    scenario,
    query,
    socket,
    vad: createVad({
      sampleRate: query.sample_rate,
      channels: query.channels,
      thresholdDbfs: simulation.delays.thresholdDbfs,
      hangoverMs: Math.max(query.endpointing, simulation.delays.hangoverMs),
    }),
    cursor: null,
    requestId: randomUUID(),
    segments: [],
    lastEndMs: -Infinity,
    audioAtMs: performance.now(),
    messageAtMs: performance.now(),
    isMuted: false,
    isClosed: false,
  };
  const ticking = setInterval(() => tick(session), simulation.delays.interimEveryMs);
  socket.on('message', (data, isBinary) => {
    session.messageAtMs = performance.now();
    if (isBinary) receiveAudio(session, toBuffer(data));
    else handleMessage(session, readMessage(data)?.type ?? '');
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    clearInterval(ticking);
    for (const { utterance } of session.segments) if (utterance) session.cursor?.requeue(utterance);
    session.segments = [];
    // A client that reconnects continues here, unless it closed the stream properly.
    if (!session.isClosed && session.cursor) simulation.scripts.park(scenario, session.cursor);
  });
  return session;
};

const receiveAudio = (session: ListenSession, pcm: Buffer): void => {
  session.audioAtMs = performance.now();
  for (const event of session.vad.push(pcm)) handleVadEvent(session, event);
};

const handleVadEvent = (session: ListenSession, event: VadEvent): void => {
  const clockAt = (ms: number): number => session.audioAtMs - (session.vad.positionMs() - ms);
  if (event.kind === 'start') startSegment(session, event.startMs, clockAt(event.startMs));
  else endSegment(session, event.endMs, clockAt(event.endMs));
};

const startSegment = (session: ListenSession, startMs: number, startedMs: number): void => {
  const { simulation, scenario, socket } = session;
  const fault = simulation.faults.take('stt', scenario, ({ kind, since }) => kind === 'silent' || since === 'speech');
  if (fault?.kind === 'dropAfterMs') setTimeout(() => socket.terminate(), fault.ms);
  if (fault?.kind === 'silent') session.isMuted = true;
  session.cursor ??= simulation.scripts.cursor(scenario);
  const utterance = session.cursor.next(startMs - session.lastEndMs);
  session.segments.push({ utterance, spoken: [], startMs, startedMs, endMs: null, lastInterim: '' });
  if (session.query.vad_events) send(session, { type: 'SpeechStarted', channel: [0], timestamp: startMs / 1000 });
};

const endSegment = (session: ListenSession, endMs: number, endedMs: number): void => {
  const segment = session.segments.at(-1);
  if (!segment) return;
  segment.endMs = endMs;
  session.lastEndMs = endMs;
  if (segment.utterance) {
    const { spoken, rest } = splitUtterance(segment.utterance, endMs - segment.startMs);
    segment.spoken = spoken;
    if (rest) session.cursor?.saveRest(rest);
  }
  const dueMs = Math.max(0, endedMs + session.simulation.delays.finalDelayMs - performance.now());
  setTimeout(() => deliver(session, segment, { finalize: false }), dueMs);
  setUtteranceEnd(session, segment, endedMs);
};

const setUtteranceEnd = (session: ListenSession, segment: Segment, endedMs: number): void => {
  const afterMs = session.query.utterance_end_ms;
  if (afterMs === undefined) return;
  const lastWordEnd = (segment.startMs + (segment.spoken.at(-1)?.endMs ?? 0)) / 1000;
  const sendUtteranceEnd = (): void => {
    if (session.lastEndMs !== segment.endMs || session.segments.length > 0) return;
    send(session, { type: 'UtteranceEnd', channel: [0, 1], last_word_end: lastWordEnd });
  };
  const dueMs = endedMs + Math.max(afterMs, session.simulation.delays.finalDelayMs + 10);
  setTimeout(sendUtteranceEnd, Math.max(0, dueMs - performance.now()));
};

const deliver = (session: ListenSession, segment: Segment, { finalize }: { finalize: boolean }): void => {
  const { simulation, scenario, socket, segments } = session;
  // What a muted session withholds is requeued when it closes.
  if (!segments.includes(segment) || session.isMuted) return;
  const { kind } = simulation.faults.take('stt', scenario, (fault) => fault.kind === 'dropAtFinal') ?? {};
  if (kind === 'dropAtFinal') return socket.terminate();
  segments.splice(segments.indexOf(segment), 1);
  logRequest(simulation, 'final', 200, scenario);
  sendResults(session, segment, segment.spoken, { final: true, finalize });
};

/** Every `interimEveryMs`: sends an interim transcript, and checks that the client is still there. */
const tick = (session: ListenSession): void => {
  const nowMs = performance.now();
  const { vad, socket, segments } = session;
  const last = segments.at(-1);
  const quietMs = nowMs - session.audioAtMs;
  if (last?.endMs === null && quietMs > Math.max(noAudioMs, session.query.endpointing)) {
    for (const event of vad.endNow()) handleVadEvent(session, event);
  }
  if (nowMs - session.messageAtMs > inactivityMs) {
    socket.close(1011, 'Deepgram did not receive audio data or a text message within the timeout window. NET-0001');
  }
  if (session.query.interim_results && last) sendInterim(session, last, nowMs);
};

const sendInterim = (session: ListenSession, segment: Segment, nowMs: number): void => {
  const { utterance, spoken, startMs, startedMs, endMs } = segment;
  if (!utterance) return;
  const { interimLagMs } = session.simulation.delays;
  const heardMs = Math.min(session.vad.positionMs() - startMs, nowMs - startedMs);
  const words =
    endMs === null
      ? wordsHeard(utterance, heardMs, interimLagMs)
      : spoken.filter((word) => word.endMs <= heardMs - interimLagMs);
  const transcript = transcriptOf(session.query, words);
  if (words.length === 0 || transcript === segment.lastInterim) return;
  segment.lastInterim = transcript;
  sendResults(session, segment, words, { final: false, finalize: false });
};

const handleMessage = (session: ListenSession, type: string): void => {
  if (type === 'KeepAlive') return;
  if (type !== 'Finalize' && type !== 'CloseStream') {
    return session.socket.close(1008, 'DATA-0000: The message could not be parsed.');
  }
  for (const event of session.vad.endNow()) handleVadEvent(session, event);
  const pending = [...session.segments];
  for (const segment of pending) deliver(session, segment, { finalize: type === 'Finalize' });
  if (type === 'CloseStream') return closeStream(session);
  const empty: Segment = { utterance: null, spoken: [], startMs: 0, startedMs: 0, endMs: 0, lastInterim: '' };
  if (pending.length === 0) sendResults(session, empty, [], { final: true, finalize: true });
};

const closeStream = (session: ListenSession): void => {
  session.isClosed = true;
  const duration = session.vad.positionMs() / 1000;
  const created = new Date().toISOString();
  send(session, { type: 'Metadata', request_id: session.requestId, created, duration, channels: 1 });
  session.socket.close(1000);
};

const sendResults = (session: ListenSession, segment: Segment, words: Word[], flags: ResultsFlags): void => {
  const { query, requestId, vad } = session;
  const endMs = segment.endMs ?? vad.positionMs();
  send(session, resultsMessage({ query, requestId, words, flags, startMs: segment.startMs, endMs }));
};

const send = ({ socket, isMuted }: ListenSession, message: object): void => {
  if (!isMuted && socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
};
