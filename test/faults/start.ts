/** `npm start` as a separate process with everything real around it, for faults of the whole process. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { openDb, type Db } from '#src/database/open.ts';
import { dial, nowMs, type Caller } from '#src/simulators/caller/caller.ts';
import type { Providers } from '#src/simulators/providers/server.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { startDevStack, type Env, type DevStack } from '#src/local/dev-stack.ts';
import { seedTenant } from '#test/support/context.ts';
import { npm, type Started } from '#test/support/npm.ts';
import { descendantsOf } from '#test/support/processes.ts';
import { callerNumber, dialed } from '#test/support/service.ts';
import { agentName } from './talk.ts';

/** A LiveKit server, simulated providers and a seeded database that outlive the services on them. LiveKit's webhooks go to `url`. */
export type Installation = AsyncDisposable &
  Readonly<{ env: Env; livekit: DevStack['livekit']; providers: Providers; db: Db; url: string }>;

/** @param databaseUrl a migrated database; by default a new SQLite file */
export const openInstallation = async (databaseUrl?: string): Promise<Installation> => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-faults-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const url = databaseUrl ?? `file:${join(folder, 'faults.db')}`;
  const port = await freePort();
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME };
  const around = stack.use(await startDevStack({ env, port, databaseUrl: url, progress: () => undefined }));
  if (around.providers === null) throw new Error('the providers of a test are simulated');
  const db = stack.use(await openDb(url));
  await seedTenant(db, { campaign: { agentName, maxConcurrent: 50 } });
  const opened = stack.move();
  const dispose = () => opened.disposeAsync();
  return {
    ...around,
    providers: around.providers,
    db,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: dispose,
  };
};

export type Running = Started & Readonly<{ /** Of the service's main process. */ pid: number; readyAt: number }>;

/** Starts the service and waits until a call host is ready. */
export const startNpm = async ({ env: installed, url }: Installation, more: Env = {}): Promise<Running> => {
  const env = { ...installed, IDLE_PROCESSES: '1', CALLS_PER_CALLER_PER_MINUTE: '0', LOCAL_MODE: undefined, ...more };
  const started = npm(['start'], env);
  const readyAt = await untilReady(url, started);
  const main = descendantsOf(started.child.pid ?? -1).find(({ command }) =>
    /node\S* \S+ src\/main[.]ts$/.test(command),
  );
  if (main === undefined) throw new Error(`the service has no process:\n${started.output()}`);
  return { ...started, pid: main.pid, readyAt };
};

const readyProcesses = async (url: string): Promise<number> => {
  try {
    const response = await fetch(`${url}/api/v1/webhooks/health`);
    return ((await response.json()) as { ready_processes: number }).ready_processes;
  } catch {
    return 0; // it doesn't listen yet
  }
};

const untilReady = async (url: string, { output }: Started): Promise<number> => {
  for (const until = Date.now() + 60_000; (await readyProcesses(url)) === 0; await sleep(50))
    if (Date.now() > until) throw new Error(`the service did not become ready:\n${output()}`);
  return nowMs();
};

export const phoneTo = async ({ livekit }: Installation, from = callerNumber): Promise<Caller> => {
  const caller = await dial({ ...livekit, from, to: dialed, agentName });
  onTestFinished(() => caller[Symbol.asyncDispose]());
  return caller;
};

/** Sets the port of Node's inspector, which starts on SIGUSR1. */
export const inspectable = (port: number): Env => ({ NODE_OPTIONS: `--inspect-port=127.0.0.1:${port}` });

/** Blocks the main thread of a process, and that thread only, for `ms`. Resolves once it is blocked. */
export const blockMainThread = async (pid: number, port: number, ms: number): Promise<void> => {
  process.kill(pid, 'SIGUSR1');
  const socket = new WebSocket(await inspectorOf(port));
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  const expression = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})`;
  // A process with a debugger attached doesn't exit. The response arrives once the thread continues.
  socket.once('message', () => socket.terminate());
  socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } }));
  await sleep(100);
};

const inspectorOf = async (port: number): Promise<string> => {
  for (const until = Date.now() + 5_000; ; await sleep(50)) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/json/list`);
      const [target] = (await response.json()) as { webSocketDebuggerUrl: string }[];
      if (target !== undefined) return target.webSocketDebuggerUrl;
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
};
