/**
 * Simulated providers on loopback, for local mode, tests and benchmarks. They speak the wire protocols of Deepgram (live
 * transcription, text-to-speech) and OpenAI (chat, text-to-speech), and share no code with the product.
 *
 * A request selects its scenario by its API key (the scenario's name) or its URL (`…/s/NAME`), or else uses the default one.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FaultInput } from './simulation/faults.ts';
import type { UtteranceInput, Word } from './scenario/script.ts';
import { loadDemoScenario, type Scenario, type ScenarioInput, scenarioSchema } from './scenario/scenario.ts';
import { defaultDelays, type Delays } from './simulation/delays.ts';
import type { ProvidersLog } from './simulation/simulation.ts';

export type { ScenarioInput };

export type ProvidersOptions = {
  /** In addition to the demo scenario, which is always available. */
  scenarios?: ScenarioInput[];
  /** The name of a scenario. Default: the first of `scenarios`, else `demo`. */
  defaultScenario?: string;
  delays?: Partial<Delays>;
  /** The only key accepted besides the scenarios' names. Default: any key is accepted. */
  apiKey?: string;
  /** Default: a free port. */
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
  /** The URLs under which every request belongs to a scenario, whatever its key. */
  urlsOf(scenario: string): { deepgramUrl: string; openaiUrl: string };
  /**
   * Sets what the next stretch of speech says, ahead of the scenario's own lines; an array is said with pauses between its
   * parts. With the times of its words (in ms from the first sound) pauses may come anywhere.
   */
  queueUtterance(text: string | string[], more?: { words?: Word[]; scenario?: string }): Promise<void>;
  /** Adds or replaces a scenario; broken connections start over in it. */
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
 * Starts the simulators in a worker thread; disposing ends it and frees the port.
 * @throws if a scenario is invalid, the port is in use, or the development dependencies are not installed
 */
export const startProviders = async (options: ProvidersOptions = {}): Promise<Providers> => {
  const own = (options.scenarios ?? []).map((scenario) => scenarioSchema.parse(scenario));
  const scenarios = [await loadDemoScenario(), ...own];
  const defaultScenario = options.defaultScenario ?? own[0]?.name ?? 'demo';
  if (!scenarios.some(({ name }) => name === defaultScenario))
    throw new Error(`There is no scenario "${defaultScenario}".`);
  const workerData: ThreadData = {
    scenarios,
    defaultScenario,
    delays: { ...defaultDelays, ...options.delays },
    apiKey: options.apiKey ?? null,
    port: options.port ?? 0,
  };
  const worker = new Worker(new URL('./server-thread.ts', import.meta.url), { workerData, name: 'providers' });
  // An error in the thread rejects here; later, with no listener, it ends the process: simulators don't fail silently.
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
    void (await request(url, 'POST', '/utterances', { text, ...more } satisfies UtteranceInput)),
  setScenario: async (scenario) => void (await request(url, 'PUT', `/scenarios/${scenario.name}`, scenario)),
  setDelays: async (delays) => void (await request(url, 'PUT', '/delays', delays)),
  setFault: async (fault) => void (await request(url, 'POST', '/faults', fault)),
  clearFaults: async () => void (await request(url, 'DELETE', '/faults')),
  log: async () => (await (await request(url, 'GET', '/log')).json()) as ProvidersLog,
  clearLog: async () => void (await request(url, 'DELETE', '/log')),
});

const request = async (url: string, method: string, path: string, body?: unknown): Promise<Response> => {
  const response = await fetch(`${url}${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
  if (!response.ok)
    throw new Error(`Simulated providers: ${method} ${path} failed with ${response.status}: ${await response.text()}`);
  return response;
};
