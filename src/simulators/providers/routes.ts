/** Which service answers a request, once it is known who may ask. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebSocketServer } from 'ws';
import { control } from './control.ts';
import { acceptListen, sendToken } from './deepgram/listen.ts';
import { acceptSpeak, postSpeak } from './deepgram/speak.ts';
import { sendJson } from './simulation/http.ts';
import { listModels, openaiError, postChat, postSpeech } from './openai/openai.ts';
import {
  isAuthorized,
  type LogEntry,
  logRequest,
  type Simulation,
  type ProviderRequest,
  matchScenario,
} from './simulation/simulation.ts';
import { deepgramError, refuse, type Upgrade } from './deepgram/sockets.ts';

type Service = {
  kind: LogEntry['kind'];
  answer: (
    sim: Simulation,
    visit: ProviderRequest,
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ) => Promise<void> | void;
};

const services: Record<string, Service> = {
  'GET /v1/auth/token': { kind: 'token', answer: (_sim, _visit, _request, response) => sendToken(response) },
  'GET /v1/models': { kind: 'models', answer: (_sim, _visit, _request, response) => listModels(response) },
  'POST /v1/chat/completions': { kind: 'chat', answer: postChat },
  'POST /v1/audio/speech': { kind: 'speech', answer: postSpeech },
  'POST /v1/speak': { kind: 'speak', answer: postSpeak },
};

/** Answers one HTTP request; never throws for what a client does. */
export const answerRequest = async (
  sim: Simulation,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const visit = matchScenario(sim, request);
  if (!visit) return sendJson(response, 404, openaiError(404, 'There is no scenario of this name.'));
  const path = visit.url.pathname;
  if (path.startsWith('/control/')) return control(sim, path, request, response);
  const service = services[`${request.method} ${path}`];
  const kind = service?.kind ?? 'unknown';
  const gone = new AbortController();
  response.on('close', () => {
    const isWhole = response.writableFinished;
    logRequest(sim, kind, isWhole ? response.statusCode : 499, visit.scenario.name);
    gone.abort();
  });
  if (!isAuthorized(sim, request)) return refuseKey(response, path);
  if (!service) {
    return sendJson(response, 404, openaiError(404, `Unknown request URL: ${request.method} ${path}.`));
  }
  try {
    await service.answer(sim, visit, request, response, gone.signal);
  } catch (error) {
    if (gone.signal.aborted) return;
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    sendJson(response, 400, openaiError(400, `We could not parse the JSON body of your request: ${error.message}.`));
  }
};

const refuseKey = (response: ServerResponse, path: string): void => {
  if (path === '/v1/speak' || path === '/v1/auth/token')
    sendJson(response, 401, deepgramError('INVALID_AUTH', 'Invalid credentials.'));
  else sendJson(response, 401, openaiError(401, 'Incorrect API key provided.'));
};

/** Answers one request for a socket. */
export const answerUpgrade = (sim: Simulation, upgrade: Upgrade, server: WebSocketServer): void => {
  const visit = matchScenario(sim, upgrade.request);
  const path = visit?.url.pathname;
  if (!visit || (path !== '/v1/listen' && path !== '/v1/speak')) {
    logRequest(sim, 'unknown', 404, visit?.scenario.name ?? '');
    return refuse(upgrade, 404, 'NOT_FOUND', visit ? 'Not found.' : 'There is no scenario of this name.');
  }
  if (!isAuthorized(sim, upgrade.request)) {
    logRequest(sim, path === '/v1/listen' ? 'listen' : 'speak', 401, visit.scenario.name);
    return refuse(upgrade, 401, 'INVALID_AUTH', 'Invalid credentials.');
  }
  if (path === '/v1/listen') acceptListen(sim, visit, upgrade, server);
  else acceptSpeak(sim, visit, upgrade, server);
};
