/**
 * Simulated providers on loopback, which speak the wire protocols of Deepgram (live transcription, speech) and OpenAI (chat,
 * speech): for local mode, tests and benchmarks. They share no code with the product.
 *
 * The scenario of a request is chosen by its key (`apiKey` = the scenario's name) or by the address (`…/s/NAME`); else it is the
 * default one.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FaultInput } from './simulation/faults.ts';
import type { UtteranceInput, Word } from './scenario/script.ts';
import { loadDemoScenario, type Scenario, type ScenarioInput, scenarioSchema } from './scenario/scenario.ts';
import { defaultDelays, type Delays } from './simulation/delays.ts';
import type { LogEntry, ProvidersLog } from './simulation/simulation.ts';

export type { Delays, FaultInput, LogEntry, ProvidersLog, Scenario, ScenarioInput, Word };

export type ProvidersOptions = {
  /** Beside the demo scenario, which is always there. */
  scenarios?: ScenarioInput[];
  /** A scenario's name; else the first of `scenarios`, else `demo`. */
  defaultScenario?: string;
  delays?: Partial<Delays>;
  /** The only key accepted, beside the scenarios' names; without it any key is. */
  apiKey?: string;
  /** Default: a free one. */
  port?: number;
};

export type Providers = AsyncDisposable & {
  port: number;
  /** `ws://127.0.0.1:PORT` */
  deepgramUrl: string;
  /** `http://127.0.0.1:PORT/v1` */
  openaiUrl: string;
  /** `http://127.0.0.1:PORT/control` */
  controlUrl: string;
  /** The addresses under which every request belongs to that scenario, whatever its key. */
  urlsOf(scenario: string): { deepgramUrl: string; openaiUrl: string };
  /**
   * What the next stretch of speech will have said, before the scenario's own lines; an array is said in several stretches. With
   * the true times of its words (in ms from the first sound) pauses may come anywhere.
   */
  queueUtterance(text: string | string[], more?: { words?: Word[]; scenario?: string }): Promise<void>;
  /** Adds or replaces a scenario, and forgets where broken connections were in it. */
  setScenario(scenario: ScenarioInput): Promise<void>;
  setDelays(delays: Partial<Delays>): Promise<void>;
  setFault(fault: FaultInput): Promise<void>;
  clearFaults(): Promise<void>;
  log(): Promise<ProvidersLog>;
  clearLog(): Promise<void>;
};

export type ThreadData = {
  scenarios: Scenario[];
  defaultScenario: string;
  delays: Delays;
  apiKey: string | null;
  port: number;
};

/**
 * Starts the simulators in a thread of their own; disposing ends it and frees the port.
 * @throws when a scenario is wrong, the port is taken, or the development dependencies are not installed
 */
export const startProviders = async (options: ProvidersOptions = {}): Promise<Providers> => {
  const own = (options.scenarios ?? []).map((scenario) => scenarioSchema.parse(scenario));
  const scenarios = [await loadDemoScenario(), ...own];
  const defaultScenario = options.defaultScenario ?? own[0]?.name ?? 'demo';
  if (!scenarios.some(({ name }) => name === defaultScenario))
    throw new Error(`there is no scenario "${defaultScenario}"`);
  const workerData: ThreadData = {
    scenarios,
    defaultScenario,
    delays: { ...defaultDelays, ...options.delays },
    apiKey: options.apiKey ?? null,
    port: options.port ?? 0,
  };
  const worker = new Worker(new URL('./server-thread.ts', import.meta.url), { workerData, name: 'providers' });
  // An error of the thread rejects here; later, with nobody listening, it ends the process: simulators don't fail silently.
  const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
  const base = `127.0.0.1:${port}`;
  return {
    port,
    deepgramUrl: `ws://${base}`,
    openaiUrl: `http://${base}/v1`,
    controlUrl: `http://${base}/control`,
    urlsOf: (name) => ({ deepgramUrl: `ws://${base}/s/${name}`, openaiUrl: `http://${base}/s/${name}/v1` }),
    ...controls(`http://${base}/control`),
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
};

type Controls = 'queueUtterance' | 'setScenario' | 'setDelays' | 'setFault' | 'clearFaults' | 'log' | 'clearLog';

const controls = (url: string): Pick<Providers, Controls> => ({
  queueUtterance: async (text, more = {}) =>
    void (await ask(url, 'POST', '/utterances', { text, ...more } satisfies UtteranceInput)),
  setScenario: async (scenario) => void (await ask(url, 'PUT', `/scenarios/${scenario.name}`, scenario)),
  setDelays: async (delays) => void (await ask(url, 'PUT', '/delays', delays)),
  setFault: async (fault) => void (await ask(url, 'POST', '/faults', fault)),
  clearFaults: async () => void (await ask(url, 'DELETE', '/faults')),
  log: async () => (await (await ask(url, 'GET', '/log')).json()) as ProvidersLog,
  clearLog: async () => void (await ask(url, 'DELETE', '/log')),
});

const ask = async (url: string, method: string, path: string, body?: unknown): Promise<Response> => {
  const response = await fetch(`${url}${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
  if (!response.ok)
    throw new Error(`simulated providers, ${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
};
