/** Deepgram's speech: `/v1/speak` as a socket (Speak, Flush, Clear, Close) and as a POST. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import type { Fault } from '../simulation/faults.ts';
import { readJson, sendJson, write } from '../simulation/http.ts';
import { hang } from '../simulation/pacing.ts';
import { logRequest, type Simulation, type ProviderRequest } from '../simulation/simulation.ts';
import { deepgramError, readMessage, refuse, type Upgrade } from './sockets.ts';
import { applyFault, streamSpeech, wavHeader } from '../simulation/speech-stream.ts';

const querySchema = z.object({
  model: z.string().default('aura-asteria-en'),
  encoding: z.literal('linear16', 'this simulator speaks encoding=linear16 only'),
  sample_rate: z.coerce
    .number()
    .refine((rate) => [8000, 16_000, 24_000, 32_000, 48_000].includes(rate), 'unsupported sample_rate')
    .default(24_000),
  container: z.enum(['none', 'wav']).default('wav'),
  speed: z.coerce.number().min(0.7).max(1.5).default(1),
});
type Query = z.output<typeof querySchema>;
type SpeechFault = Extract<Fault, { service: 'tts' }>;

type SpeakSession = {
  sim: Simulation;
  query: Query;
  socket: WebSocket;
  fault: SpeechFault | null;
  /** Text of a sentence that isn't complete. */
  text: string;
  /** Everything asked for so far is said when this is. */
  done: Promise<void>;
  /** Ends what is being said. */
  stop: AbortController;
  sequence: number;
};

/** Answers an upgrade to `/v1/speak`, which is authorized. */
export const acceptSpeak = (
  sim: Simulation,
  visit: ProviderRequest,
  upgrade: Upgrade,
  server: WebSocketServer,
): void => {
  const scenario = visit.scenario.name;
  const query = querySchema.safeParse(Object.fromEntries(visit.url.searchParams));
  const fault = sim.faults.take('tts', scenario);
  const status = !query.success ? 400 : fault?.kind === 'status' ? fault.status : 101;
  logRequest(sim, 'speak', status, scenario);
  if (!query.success) {
    return refuse(upgrade, 400, 'INVALID_QUERY_PARAMETER', z.prettifyError(query.error).replaceAll('\n', ' '));
  }
  if (status !== 101) return refuse(upgrade, status, 'SIMULATED_FAULT', 'The speech service is not available.');
  server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (socket) => {
    const base = { sim, query: query.data, socket, fault, text: '', done: Promise.resolve(), sequence: 0 };
    speakOn({ ...base, stop: new AbortController() });
  });
};

const speakOn = (speaking: SpeakSession): void => {
  const { query, socket } = speaking;
  send(socket, {
    type: 'Metadata',
    request_id: randomUUID(),
    model_name: query.model,
    model_version: '1',
    model_uuid: '1',
  });
  socket.on('message', (data) => obey(speaking, readMessage(data) ?? { type: '', text: '' }));
  socket.on('error', () => socket.terminate());
  socket.on('close', () => speaking.stop.abort());
};

const obey = (speaking: SpeakSession, { type, text }: { type: string; text: string }): void => {
  const { socket } = speaking;
  switch (type) {
    case 'Speak':
      speaking.text += text;
      if (/[.!?]\s*$/.test(speaking.text)) say(speaking);
      return;
    case 'Flush':
      say(speaking);
      return enqueue(speaking, async () => answer(speaking, 'Flushed'));
    case 'Clear':
      speaking.stop.abort();
      speaking.stop = new AbortController();
      speaking.text = '';
      return answer(speaking, 'Cleared');
    case 'Close':
      say(speaking);
      return enqueue(speaking, async () => socket.close(1000));
    default:
      socket.close(1008, 'DATA-0000: the message is not understood');
  }
};

const answer = (speaking: SpeakSession, type: 'Flushed' | 'Cleared'): void => {
  speaking.sequence += 1;
  send(speaking.socket, { type, sequence_id: speaking.sequence });
};

/** Says what was sent so far, after what is being said. */
const say = (speaking: SpeakSession): void => {
  const { sim, query, socket } = speaking;
  const text = speaking.text.trim();
  const askedMs = performance.now();
  speaking.text = '';
  if (text === '') return;
  enqueue(speaking, async (signal) => {
    const chunks = streamSpeech(sim, text, soundOf(query), askedMs, signal);
    for await (const chunk of applyFault(chunks, speaking.fault, query.sample_rate, signal)) socket.send(chunk);
  });
};

/** One thing after the other; what Clear or the socket's end cut short is dropped. */
const enqueue = (speaking: SpeakSession, task: (signal: AbortSignal) => Promise<void>): void => {
  const { signal } = speaking.stop;
  const run = async (): Promise<void> => {
    await task(signal);
  };
  speaking.done = speaking.done.then(run).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
};

const soundOf = (query: Query): { voice: string; sampleRate: number; rate: number } => ({
  voice: query.model,
  sampleRate: query.sample_rate,
  rate: query.speed,
});

const send = (socket: WebSocket, message: object): void => {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
};

/**
 * Answers `POST /v1/speak`, which is authorized.
 * @throws AbortError when the client went away
 */
export const postSpeak = async (
  sim: Simulation,
  visit: ProviderRequest,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> => {
  const askedMs = performance.now();
  const query = querySchema.safeParse(Object.fromEntries(visit.url.searchParams));
  const body = z.object({ text: z.string().min(1).max(2000) }).safeParse(await readJson(request));
  if (!query.success || !body.success) {
    const problem = z.prettifyError(query.error ?? body.error ?? new z.ZodError([]));
    return sendJson(response, 400, deepgramError('Bad Request', problem));
  }
  const fault = sim.faults.take('tts', visit.scenario.name);
  if (fault?.kind === 'status')
    return sendJson(response, fault.status, deepgramError('SIMULATED_FAULT', 'Not available.'));
  if (fault?.kind === 'stall' && fault.afterAudioMs === 0) await hang(signal);
  const chunks = streamSpeech(sim, body.data.text, soundOf(query.data), askedMs, signal);
  const isWav = query.data.container === 'wav';
  response.writeHead(200, { 'content-type': isWav ? 'audio/wav' : 'audio/l16', 'dg-model-name': query.data.model });
  if (isWav) response.write(wavHeader(query.data.sample_rate));
  const sampleRate = query.data.sample_rate;
  for await (const chunk of applyFault(chunks, fault, sampleRate, signal)) await write(response, chunk, signal);
  response.end();
};
