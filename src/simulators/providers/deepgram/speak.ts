/** Deepgram's text-to-speech: `/v1/speak`, as a WebSocket (Speak, Flush, Clear, Close) and as a POST. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import type { Fault } from '../simulation/faults.ts';
import { readJson, sendJson, write } from '../simulation/http.ts';
import { hang } from '../simulation/pacing.ts';
import { logRequest, type RequestTarget, type Simulation } from '../simulation/simulation.ts';
import { applyFault, streamSpeech, wavHeader } from '../simulation/speech-stream.ts';
import { deepgramError, readMessage, refuse, type Upgrade } from './sockets.ts';

const querySchema = z.object({
  model: z.string().default('aura-asteria-en'),
  encoding: z.literal('linear16', 'This simulator supports only encoding=linear16.'),
  sample_rate: z.coerce
    .number()
    .refine((rate) => [8000, 16_000, 24_000, 32_000, 48_000].includes(rate), 'Unsupported sample_rate.')
    .default(24_000),
  container: z.enum(['none', 'wav']).default('wav'),
  speed: z.coerce.number().min(0.7).max(1.5).default(1),
});
type Query = z.output<typeof querySchema>;
type SpeechFault = Extract<Fault, { service: 'tts' }>;

type SpeakSession = {
  simulation: Simulation;
  query: Query;
  socket: WebSocket;
  fault: SpeechFault | null;
  /** The beginning of a sentence. */
  text: string;
  /** Resolves when everything requested so far has been sent. */
  done: Promise<void>;
  /** Stops the speech in progress. */
  stop: AbortController;
  sequence: number;
};

/** Handles an authorized upgrade to `/v1/speak`. */
export const acceptSpeak = (
  simulation: Simulation,
  target: RequestTarget,
  upgrade: Upgrade,
  server: WebSocketServer,
): void => {
  const scenario = target.scenario.name;
  const query = querySchema.safeParse(Object.fromEntries(target.url.searchParams));
  const fault = simulation.faults.take('tts', scenario);
  const status = !query.success ? 400 : fault?.kind === 'status' ? fault.status : 101;
  logRequest(simulation, 'speak', status, scenario);
  if (!query.success) {
    return refuse(upgrade, 400, 'INVALID_QUERY_PARAMETER', z.prettifyError(query.error).replaceAll('\n', ' '));
  }
  if (status !== 101) return refuse(upgrade, status, 'SIMULATED_FAULT', 'The speech service is unavailable.');
  server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (socket) => {
    const base = { simulation, query: query.data, socket, fault, text: '', done: Promise.resolve(), sequence: 0 };
    serveSession({ ...base, stop: new AbortController() });
  });
};

const serveSession = (session: SpeakSession): void => {
  const { query, socket } = session;
  send(socket, {
    type: 'Metadata',
    request_id: randomUUID(),
    model_name: query.model,
    model_version: '1',
    model_uuid: '1',
  });
  socket.on('message', (data) => handleMessage(session, readMessage(data) ?? { type: '', text: '' }));
  socket.on('error', () => socket.terminate());
  socket.on('close', () => session.stop.abort());
};

const handleMessage = (session: SpeakSession, { type, text }: { type: string; text: string }): void => {
  const { socket } = session;
  switch (type) {
    case 'Speak':
      session.text += text;
      if (/[.!?]\s*$/.test(session.text)) speakText(session);
      return;
    case 'Flush':
      speakText(session);
      return enqueue(session, async () => sendSequenced(session, 'Flushed'));
    case 'Clear':
      session.stop.abort();
      session.stop = new AbortController();
      session.text = '';
      return sendSequenced(session, 'Cleared');
    case 'Close':
      speakText(session);
      return enqueue(session, async () => socket.close(1000));
    default:
      socket.close(1008, 'DATA-0000: The message could not be parsed.');
  }
};

const sendSequenced = (session: SpeakSession, type: 'Flushed' | 'Cleared'): void => {
  session.sequence += 1;
  send(session.socket, { type, sequence_id: session.sequence });
};

/** Speaks the text received so far, after the speech in progress. */
const speakText = (session: SpeakSession): void => {
  const { simulation, query, socket } = session;
  const text = session.text.trim();
  const receivedMs = performance.now();
  session.text = '';
  if (text === '') return;
  enqueue(session, async (signal) => {
    const chunks = streamSpeech(simulation, text, voiceOptions(query), receivedMs, signal);
    for await (const chunk of applyFault(chunks, session.fault, query.sample_rate, signal)) socket.send(chunk);
  });
};

/** Runs one task after the other; what Clear or the end of the socket interrupts is dropped. */
const enqueue = (session: SpeakSession, task: (signal: AbortSignal) => Promise<void>): void => {
  const { signal } = session.stop;
  session.done = session.done
    .then(() => task(signal))
    .catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
};

const voiceOptions = (query: Query): { voice: string; sampleRate: number; rate: number } => ({
  voice: query.model,
  sampleRate: query.sample_rate,
  rate: query.speed,
});

const send = (socket: WebSocket, message: object): void => {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
};

/**
 * Handles an authorized `POST /v1/speak`.
 * @throws AbortError when the client disconnects
 */
export const postSpeak = async (
  simulation: Simulation,
  target: RequestTarget,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> => {
  const receivedMs = performance.now();
  const query = querySchema.safeParse(Object.fromEntries(target.url.searchParams));
  const body = z.object({ text: z.string().min(1).max(2000) }).safeParse(await readJson(request));
  if (!query.success || !body.success) {
    const problem = z.prettifyError(query.error ?? body.error ?? new z.ZodError([]));
    return sendJson(response, 400, deepgramError('Bad Request', problem));
  }
  const fault = simulation.faults.take('tts', target.scenario.name);
  if (fault?.kind === 'status')
    return sendJson(response, fault.status, deepgramError('SIMULATED_FAULT', 'The speech service is unavailable.'));
  if (fault?.kind === 'stall' && fault.afterAudioMs === 0) await hang(signal);
  const chunks = streamSpeech(simulation, body.data.text, voiceOptions(query.data), receivedMs, signal);
  const isWav = query.data.container === 'wav';
  response.writeHead(200, { 'content-type': isWav ? 'audio/wav' : 'audio/l16', 'dg-model-name': query.data.model });
  if (isWav) response.write(wavHeader(query.data.sample_rate));
  const sampleRate = query.data.sample_rate;
  for await (const chunk of applyFault(chunks, fault, sampleRate, signal)) await write(response, chunk, signal);
  response.end();
};
