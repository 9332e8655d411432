/** The state that all simulated services share. */
import type { IncomingMessage } from 'node:http';
import type { FaultQueue } from './faults.ts';
import type { Scripts } from '../scenario/script.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Delays } from './delays.ts';
import type { ThreadedSpeech } from '../../speech/threaded-speech.ts';

export type LogEntry = {
  kind: 'token' | 'models' | 'chat' | 'speech' | 'listen' | 'final' | 'speak' | 'unknown';
  /** Milliseconds since the epoch. */
  atMs: number;
  /** The HTTP status; 101 for a WebSocket, 499 if the client left first, 0 if there was no response. */
  status: number;
  scenario: string;
};

export type ProvidersLog = { requests: LogEntry[]; lastChat: unknown };

export type Simulation = {
  delays: Delays;
  scenarios: Map<string, Scenario>;
  defaultScenario: string;
  /** The only key accepted besides the scenarios' names; null accepts any. */
  apiKey: string | null;
  faults: FaultQueue;
  scripts: Scripts;
  speech: ThreadedSpeech;
  log: ProvidersLog;
};

/** A request with its scenario; `url` lacks the scenario's prefix. */
export type RequestTarget = { scenario: Scenario; url: URL };

const maxLogged = 5000;

/** `/s/NAME/v1/…` names the scenario, or the API key does; otherwise it is the default one. null: there is no such scenario. */
export const resolveTarget = (simulation: Simulation, request: IncomingMessage): RequestTarget | null => {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const [, prefixed, path] = /^\/s\/([^/]+)(\/.*)$/.exec(url.pathname) ?? [];
  if (path !== undefined) url.pathname = path;
  const named =
    prefixed === undefined
      ? simulation.scenarios.get(keyOf(request))
      : simulation.scenarios.get(decodeURIComponent(prefixed));
  const scenario = named ?? (prefixed === undefined ? simulation.scenarios.get(simulation.defaultScenario) : undefined);
  return scenario ? { scenario, url } : null;
};

export const isAuthorized = (simulation: Simulation, request: IncomingMessage): boolean => {
  const key = keyOf(request);
  return key !== '' && (simulation.apiKey === null || key === simulation.apiKey || simulation.scenarios.has(key));
};

const keyOf = (request: IncomingMessage): string =>
  /^(?:Bearer|Token)\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';

export const logRequest = (simulation: Simulation, kind: LogEntry['kind'], status: number, scenario: string): void => {
  simulation.log.requests.push({ kind, atMs: Date.now(), status, scenario });
  if (simulation.log.requests.length > maxLogged) simulation.log.requests.shift();
};
