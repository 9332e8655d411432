/** The patches of agent-server.ts, against the real framework. */
import { AgentServer, initializeLogger, ServerOptions } from '@livekit/agents';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { patchFramework } from '#src/framework/agent-server.ts';

type Warm = { proc: { isAlive: boolean; close: () => Promise<void> }; unlock: () => void };
type Pool = {
  start: () => void;
  close: () => Promise<void>;
  launchJob: (info: { job: { id: string } }) => Promise<void>;
  warmedProcQueue: { items: Warm[] };
};
type Runner = { registeredRunners: object; registerRunner: (method: string, path: string) => void };

const loadInternals = async () => {
  const load = (path: string): Promise<object> => import(new URL(path, import.meta.resolve('@livekit/agents')).href);
  const { ProcPool } = (await load('./ipc/proc_pool.js')) as { ProcPool: new (options: object) => Pool };
  const { InferenceRunner } = (await load('./inference_runner.js')) as { InferenceRunner: Runner };
  return { ProcPool, InferenceRunner };
};

const { ProcPool, InferenceRunner } = await loadInternals();
const agent = fileURLToPath(new URL('./idle-agent.ts', import.meta.url));
const serverOptions = new ServerOptions({
  agent,
  wsURL: 'ws://127.0.0.1:9',
  apiKey: 'key',
  apiSecret: 'secret-of-at-least-32-characters-in-all',
  host: '127.0.0.1',
  port: 0,
  numIdleProcesses: 0,
  production: false,
  maxRetry: 4,
});

const original = globalThis.setTimeout;
const launches = new Map<string, Promise<void>>();
const onDisconnected = vi.fn();
let registrations = 0;
/** While this is an array, delays of 2 s and more are recorded in it and skipped. */
let delays: number[] | null = null;

beforeAll(async () => {
  initializeLogger({ pretty: false, level: 'silent' });
  const recording = (work: () => void, ms = 0, ...args: []): NodeJS.Timeout => {
    if (delays === null || ms < 2_000) return original(work, ms, ...args);
    delays.push(ms);
    return original(work, 0, ...args);
  };
  globalThis.setTimeout = Object.assign(recording, original);
  const register = vi.spyOn(InferenceRunner, 'registerRunner');
  await patchFramework(serverOptions, launches, onDisconnected);
  registrations = register.mock.calls.length;
});
afterAll(() => {
  globalThis.setTimeout = original;
});

test('the framework registers its end-of-turn model, and no server starts a process for it', () => {
  expect(registrations).toBe(1);
  new AgentServer(serverOptions);
  expect(InferenceRunner.registeredRunners).toEqual({});
});

test('a warm process that dies is replaced; the launch of a job is recorded', async () => {
  const pool = new ProcPool({
    ...{ agent, numIdleProcesses: 1, initializeTimeout: 30_000, closeTimeout: 1_000, sessionEndTimeout: 1_000 },
    ...{ memoryWarnMB: 0, memoryLimitMB: 0 },
  });
  pool.start();
  const warm = async (besides?: Warm): Promise<Warm> =>
    vi.waitFor(
      () => {
        const entry = pool.warmedProcQueue.items.find((item) => item !== besides);
        if (entry === undefined) throw new Error('no warm process');
        return entry;
      },
      { timeout: 25_000, interval: 50 },
    );
  const first = await warm();
  await first.proc.close();
  const second = await warm(first);
  expect(pool.warmedProcQueue.items).toEqual([second]);
  expect(second.proc.isAlive).toBe(true);
  const launch = pool.launchJob({ job: { id: 'AJ_1' } });
  expect(launches.get('AJ_1')).toBe(launch);
  await launch.catch(() => null); // this job has no room
  await pool.close();
}, 60_000);

test('attempts to reconnect are at most 5 s apart, and each is reported', async () => {
  delays = [];
  onDisconnected.mockClear();
  const server = new AgentServer(serverOptions);
  await expect(server.run()).rejects.toThrow(/failed to connect/);
  const recorded = delays;
  delays = null;
  expect(recorded).toEqual([2_000, 4_000, 5_000, 5_000]);
  expect(onDisconnected).toHaveBeenCalledTimes(4);
}, 30_000);
