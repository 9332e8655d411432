/** The two sides of a speech benchmark, each a process of its own with a family of call hosts: our service, and stock. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dial, type Caller, type DialOptions } from '#src/simulators/caller/caller.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { descendantsOf, kill, listProcesses } from '#test/support/processes.ts';
import type { StockVariant } from './stock-variants.ts';
import { callerNumber, dialed, type Stage } from './stage.ts';

const root = join(import.meta.dirname, '../../..');
const readyTimeoutMs = 120_000;
const stopTimeoutMs = 12_000;
const keptOutput = 20_000;

export type SideName = 'ours' | 'stock';

export type SideOptions = Readonly<{
  /** The only core its processes may use; by default all of them. */
  core?: number;
  /** Call hosts that are kept warm. */
  idleProcesses?: number;
  /** Of stock: goes to the agent with every dispatch that has no metadata of its own. */
  metadata?: StockVariant;
  env?: Readonly<Record<string, string>>;
}>;

export type Side = AsyncDisposable &
  Readonly<{
    name: SideName;
    pid: number;
    /** Dials it. `metadata` goes to the agent with its dispatch. */
    phone: (options?: Partial<DialOptions>) => Promise<Caller>;
    /** Settles when as many call hosts are warm as at the beginning. */
    whenWarm: () => Promise<void>;
    /** The end of its output. */
    output: () => string;
  }>;

type Process = Readonly<{
  pid: number;
  output: () => string;
  /** How many hosts have said that they are warm. */
  warmed: () => number;
  exited: Promise<unknown>;
  stop: () => Promise<void>;
}>;

/** Printed by each host of stock when it is ready for a call. */
const warmLine = 'stock-agent: warm\n';

/** Stops a process and kills what is left of its family: a benchmark leaves nothing behind. */
const stop = async (pid: number, exited: Promise<unknown>, signal: (name: NodeJS.Signals) => void): Promise<void> => {
  const family = descendantsOf(pid);
  const within = (ms: number) => Promise.race([exited.then(() => true), sleep(ms, false)]);
  signal('SIGTERM');
  if (!(await within(stopTimeoutMs / 3))) signal('SIGTERM');
  if (!(await within(stopTimeoutMs))) signal('SIGKILL');
  await exited;
  const alive = new Map(listProcesses().map((one) => [one.pid, one.started]));
  kill(family.filter((one) => alive.get(one.pid) === one.started));
};

const launch = (
  [script, ...flags]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  core: number | undefined,
): Process => {
  const [command, ...before] =
    core === undefined ? [process.execPath] : ['taskset', '-c', String(core), process.execPath];
  const child = spawn(command ?? '', [...before, ...flags, join(root, script)], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let warmed = 0;
  let rest = '';
  const keep = (chunk: Buffer): void => {
    const parts = (rest + chunk.toString()).split(warmLine);
    warmed += parts.length - 1;
    rest = (parts.at(-1) ?? '').slice(-warmLine.length);
    output = (output + chunk.toString()).slice(-keptOutput);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const exited = once(child, 'exit');
  const pid = child.pid ?? 0;
  return {
    pid,
    exited,
    output: () => output,
    warmed: () => warmed,
    stop: () => stop(pid, exited, (signal) => void child.kill(signal)),
  };
};

const until = async (what: string, { output, exited }: Process, look: () => Promise<boolean>): Promise<void> => {
  const gone = exited.then(() => 'gone' as const);
  for (const limit = Date.now() + readyTimeoutMs; Date.now() < limit;) {
    if (await look()) return;
    if ((await Promise.race([gone, sleep(200)])) === 'gone') break;
  }
  throw new Error(`${what} is not ready: ${output()}`);
};

const phoneOf =
  (stage: Stage, agentName: string, metadata?: string) =>
  (options: Partial<DialOptions> = {}): Promise<Caller> => {
    const given = { ...(metadata !== undefined && { metadata }), ...options };
    return dial({ ...stage.livekit, from: callerNumber, to: dialed, agentName, noiseRms: 6, ...given });
  };

const defaultIdleProcesses = 2;

/** Settles once no more prepared speech is written: a service does that once, and then answers for weeks. */
const whenStill = async (folder: string): Promise<void> => {
  const limit = Date.now() + readyTimeoutMs;
  for (let files = -1, seen = -1; (files < 1 || files !== seen) && Date.now() < limit; await sleep(1_500))
    [seen, files] = [files, (await readdir(folder).catch(() => [])).length];
};

/** Our service with the flags of `npm start`, which set its memory allocator; stock gets the same ones. */
export const startOurs = async (stage: Stage, options: SideOptions = {}): Promise<Side> => {
  const idle = options.idleProcesses ?? defaultIdleProcesses;
  const env = {
    ...{ ...stage.serviceEnv, NODE_ENV: 'production', MALLOC_ARENA_MAX: '2', IDLE_PROCESSES: String(idle) },
    ...options.env,
  };
  const running = launch(['src/main.ts', '--max-semi-space-size=16'], env, options.core);
  const health = `http://127.0.0.1:${stage.serviceEnv['PORT'] ?? ''}/api/v1/webhooks/health`;
  const isWarm = () =>
    fetch(health).then(
      async (response) => ((await response.json()) as { ready_processes: number }).ready_processes >= idle,
      () => false,
    );
  const whenWarm = () => until('our service', running, isWarm);
  const whenReady = async () => {
    await whenWarm();
    await whenStill(stage.serviceEnv['VOICE_DIR'] ?? '');
  };
  return opened('ours', running, whenReady, phoneOf(stage, 'telephony-agent'));
};

/** The stock worker, in production, as the framework's command `start` runs it. */
export const startStock = async (stage: Stage, options: SideOptions = {}): Promise<Side> => {
  const { url, apiKey, apiSecret } = stage.livekit;
  const port = String(await freePort());
  const idle = options.idleProcesses ?? defaultIdleProcesses;
  const { PATH = '', HOME = '', DEEPGRAM_BASE_URL = '', OPENAI_BASE_URL = '' } = stage.serviceEnv;
  const env = {
    ...{ PATH, HOME, DEEPGRAM_BASE_URL, OPENAI_BASE_URL, NODE_ENV: 'production', MALLOC_ARENA_MAX: '2' },
    ...{ LIVEKIT_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret },
    // As our hosts have one.
    NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile-stock'),
    ...{ STOCK_PORT: port, STOCK_IDLE_PROCESSES: String(idle) },
    ...options.env,
  };
  const running = launch(['test/bench/sides/stock-main.ts', '--max-semi-space-size=16'], env, options.core);
  const isRegistered = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      (response) => response.ok,
      () => false,
    );
  let calls = 0;
  const phone = phoneOf(stage, 'stock-agent', options.metadata);
  const whenWarm = () =>
    until('stock', running, async () => running.warmed() >= idle + calls && (await isRegistered()));
  return opened('stock', running, whenWarm, (given) => {
    calls += 1;
    return phone(given);
  });
};

const opened = async (
  name: SideName,
  running: Process,
  whenWarm: () => Promise<void>,
  phone: Side['phone'],
): Promise<Side> => {
  try {
    await whenWarm();
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { name, pid: running.pid, phone, whenWarm, output: running.output, [Symbol.asyncDispose]: running.stop };
};

export const startSide = (name: SideName, stage: Stage, options: SideOptions = {}): Promise<Side> =>
  name === 'ours' ? startOurs(stage, options) : startStock(stage, options);
