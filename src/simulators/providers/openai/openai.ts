/** OpenAI's HTTP API: `/v1/models`, `/v1/chat/completions` and `/v1/audio/speech`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { isOpenaiVoice } from '../../speech/voices.ts';
import { readJson, sendJson, write } from '../simulation/http.ts';
import { hang } from '../simulation/pacing.ts';
import type { RequestTarget, Simulation } from '../simulation/simulation.ts';
import { applyFault, streamSpeech, wavHeader } from '../simulation/speech-stream.ts';
import { completeChat } from './chat.ts';

const speechSchema = z.object({
  model: z.string().min(1),
  input: z.string().min(1).max(4096),
  voice: z.string().refine(isOpenaiVoice, 'Unknown voice.'),
  instructions: z.string().nullish(),
  response_format: z.enum(['pcm', 'wav'], 'This simulator supports only the formats pcm and wav.').default('pcm'),
  speed: z.number().min(0.25).max(4).default(1),
});

const sampleRate = 24_000;

const modelIds = ['gpt-4.1', 'gpt-4.1-mini', 'gpt-4o', 'gpt-4o-mini', 'gpt-4o-mini-tts', 'tts-1'];

/** The body of an OpenAI error. */
export const openaiError = (status: number, message: string): { error: Record<string, string | null> } => {
  const types: Record<number, string> = { 429: 'requests', 500: 'server_error', 503: 'server_error' };
  const code = status === 429 ? 'rate_limit_exceeded' : status === 401 ? 'invalid_api_key' : null;
  return { error: { message, type: types[status] ?? 'invalid_request_error', param: null, code } };
};

/** Rejects a request as a fault demands. */
const rejectWithFault = (
  response: ServerResponse,
  fault: { status: number; retryAfterSeconds?: number | undefined },
): void => {
  const headers = fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
  const message =
    fault.status === 429 ? 'Rate limit reached for requests.' : 'The server had an error. Sorry about that!';
  sendJson(response, fault.status, openaiError(fault.status, message), headers);
};

export const listModels = (response: ServerResponse): void => {
  const data = modelIds.map((id) => ({ id, object: 'model', created: 0, owned_by: 'simulator' }));
  sendJson(response, 200, { object: 'list', data });
};

/** Handles `POST /v1/chat/completions`. @throws AbortError when the client disconnects */
export const postChat = async (
  simulation: Simulation,
  target: RequestTarget,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> => {
  const receivedMs = performance.now();
  const body = await readJson(request);
  simulation.log.lastChat = body;
  const requested = z.object({ model: z.string() }).safeParse(body).data?.model;
  const fault = simulation.faults.take(
    'llm',
    target.scenario.name,
    ({ model }) => model === undefined || model === requested,
  );
  if (fault?.kind === 'status') return rejectWithFault(response, fault);
  if (fault?.kind === 'hang') await hang(signal);
  const problem = await completeChat(simulation, target.scenario, body, { fault, receivedMs, signal, response });
  if (problem !== null) sendJson(response, 400, openaiError(400, problem));
};

/** Handles `POST /v1/audio/speech`. @throws AbortError when the client disconnects */
export const postSpeech = async (
  simulation: Simulation,
  target: RequestTarget,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> => {
  const receivedMs = performance.now();
  const body = speechSchema.safeParse(await readJson(request));
  if (!body.success) return sendJson(response, 400, openaiError(400, z.prettifyError(body.error)));
  const { input, voice, speed, response_format: format } = body.data;
  const fault = simulation.faults.take('tts', target.scenario.name);
  if (fault?.kind === 'status') return rejectWithFault(response, fault);
  if (fault?.kind === 'stall' && fault.afterAudioMs === 0) await hang(signal);
  const chunks = streamSpeech(simulation, input, { voice, sampleRate, rate: speed }, receivedMs, signal);
  response.writeHead(200, { 'content-type': format === 'wav' ? 'audio/wav' : 'audio/pcm' });
  if (format === 'wav') response.write(wavHeader(sampleRate));
  for await (const chunk of applyFault(chunks, fault, sampleRate, signal)) await write(response, chunk, signal);
  response.end();
};
