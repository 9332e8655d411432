/** What every simulated service has at hand. */
import type { IncomingMessage } from 'node:http';
import type { FaultQueue } from './faults.ts';
import type { Scripts } from '../scenario/script.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Delays } from './delays.ts';
import type { ThreadedSpeech } from '../../speech/threaded-speech.ts';

export type LogEntry = {
  kind: 'token' | 'models' | 'chat' | 'speech' | 'listen' | 'final' | 'speak' | 'unknown';
  /** Milliseconds since 1970. */
  atMs: number;
  /** As answered; 101 for a socket, 499 when the client went away first, 0 when it never got an answer. */
  status: number;
  scenario: string;
};

export type ProvidersLog = { requests: LogEntry[]; lastChat: unknown };

export type Simulation = {
  delays: Delays;
  scenarios: Map<string, Scenario>;
  defaultScenario: string;
  /** The only key accepted beside the scenarios' names; null accepts any. */
  apiKey: string | null;
  faults: FaultQueue;
  scripts: Scripts;
  speech: ThreadedSpeech;
  log: ProvidersLog;
};

/** One request: for which scenario, and its address without the scenario's prefix. */
export type ProviderRequest = { scenario: Scenario; url: URL };

const maxLogged = 5000;

/** `/s/NAME/v1/…` names the scenario; else a key that is a scenario's name does; else it is the default one. */
export const matchScenario = (sim: Simulation, request: IncomingMessage): ProviderRequest | null => {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const [, prefixed, path] = /^\/s\/([^/]+)(\/.*)$/.exec(url.pathname) ?? [];
  if (path !== undefined) url.pathname = path;
  const named =
    prefixed === undefined ? sim.scenarios.get(keyOf(request)) : sim.scenarios.get(decodeURIComponent(prefixed));
  const scenario = named ?? (prefixed === undefined ? sim.scenarios.get(sim.defaultScenario) : undefined);
  return scenario ? { scenario, url } : null;
};

export const isAuthorized = (sim: Simulation, request: IncomingMessage): boolean => {
  const key = keyOf(request);
  return key !== '' && (sim.apiKey === null || key === sim.apiKey || sim.scenarios.has(key));
};

const keyOf = (request: IncomingMessage): string =>
  /^(?:Bearer|Token)\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';

export const logRequest = (sim: Simulation, kind: LogEntry['kind'], status: number, scenario: string): void => {
  sim.log.requests.push({ kind, atMs: Date.now(), status, scenario });
  if (sim.log.requests.length > maxLogged) sim.log.requests.shift();
};
