/** A server under load: a process of its own, whose end is noticed, and whose log goes to a file as in production. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type ServerScript = 'ours.ts' | 'naive.ts';

export type Server = AsyncDisposable &
  Readonly<{
    port: number;
    /** Aborted, with the reason, when the process ends too early. */
    gone: AbortSignal;
  }>;

const stopTimeoutMs = 10_000;
const startTimeoutMs = 60_000;

/** @throws when it ends, or doesn't listen in time */
export const startServer = async (script: ServerScript, databaseUrl: string, logFile: string): Promise<Server> => {
  const output = openSync(logFile, 'a');
  const child = fork(join(import.meta.dirname, script), [databaseUrl], {
    stdio: ['ignore', output, 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  closeSync(output);
  const gone = new AbortController();
  let isStopping = false;
  const exited = once(child, 'exit').then(([code, signal]) => {
    if (!isStopping) gone.abort(new Error(`${script} ended: ${String(code ?? signal)}`));
  });
  const stop = async (): Promise<void> => {
    isStopping = true;
    if (child.connected) child.disconnect();
    if ((await Promise.race([exited.then(() => 'exited'), sleep(stopTimeoutMs)])) === undefined) child.kill('SIGKILL');
    await exited;
  };
  const timeout = AbortSignal.any([gone.signal, AbortSignal.timeout(startTimeoutMs)]);
  try {
    const [port] = (await once(child, 'message', { signal: timeout })) as [number];
    return { port, gone: gone.signal, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw new Error(`${script} did not start`, { cause: error });
  }
};
