/** Routes each request to its simulated service, once it is authorized. */
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
  type RequestTarget,
  resolveTarget,
} from './simulation/simulation.ts';
import { deepgramError, refuse, type Upgrade } from './deepgram/sockets.ts';

type Service = {
  kind: LogEntry['kind'];
  answer: (
    simulation: Simulation,
    target: RequestTarget,
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ) => Promise<void> | void;
};

const services: Record<string, Service> = {
  'GET /v1/auth/token': { kind: 'token', answer: (_simulation, _target, _request, response) => sendToken(response) },
  'GET /v1/models': { kind: 'models', answer: (_simulation, _target, _request, response) => listModels(response) },
  'POST /v1/chat/completions': { kind: 'chat', answer: postChat },
  'POST /v1/audio/speech': { kind: 'speech', answer: postSpeech },
  'POST /v1/speak': { kind: 'speak', answer: postSpeak },
};

/** Handles an HTTP request. Client errors never throw. */
export const answerRequest = async (
  simulation: Simulation,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const target = resolveTarget(simulation, request);
  if (!target) return sendJson(response, 404, openaiError(404, 'There is no such scenario.'));
  const path = target.url.pathname;
  if (path.startsWith('/control/')) return control(simulation, path, request, response);
  const service = services[`${request.method} ${path}`];
  const kind = service?.kind ?? 'unknown';
  const gone = new AbortController();
  response.on('close', () => {
    const isComplete = response.writableFinished;
    logRequest(simulation, kind, isComplete ? response.statusCode : 499, target.scenario.name);
    gone.abort();
  });
  if (!isAuthorized(simulation, request)) return rejectKey(response, path);
  if (!service) {
    return sendJson(response, 404, openaiError(404, `Unknown request URL: ${request.method} ${path}.`));
  }
  try {
    await service.answer(simulation, target, request, response, gone.signal);
  } catch (error) {
    if (gone.signal.aborted) return;
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    sendJson(response, 400, openaiError(400, `We could not parse the JSON body of your request: ${error.message}`));
  }
};

const rejectKey = (response: ServerResponse, path: string): void => {
  if (path === '/v1/speak' || path === '/v1/auth/token')
    sendJson(response, 401, deepgramError('INVALID_AUTH', 'Invalid credentials.'));
  else sendJson(response, 401, openaiError(401, 'Incorrect API key provided.'));
};

/** Handles the upgrade to a WebSocket. */
export const answerUpgrade = (simulation: Simulation, upgrade: Upgrade, server: WebSocketServer): void => {
  const target = resolveTarget(simulation, upgrade.request);
  const path = target?.url.pathname;
  if (!target || (path !== '/v1/listen' && path !== '/v1/speak')) {
    logRequest(simulation, 'unknown', 404, target?.scenario.name ?? '');
    return refuse(upgrade, 404, 'NOT_FOUND', target ? 'Not found.' : 'There is no such scenario.');
  }
  if (!isAuthorized(simulation, upgrade.request)) {
    logRequest(simulation, path === '/v1/listen' ? 'listen' : 'speak', 401, target.scenario.name);
    return refuse(upgrade, 401, 'INVALID_AUTH', 'Invalid credentials.');
  }
  if (path === '/v1/listen') acceptListen(simulation, target, upgrade, server);
  else acceptSpeak(simulation, target, upgrade, server);
};
