/** A Redis for tests, Debian's if there is no other. LiveKit keeps its SIP trunks and dispatch rules there. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '#src/local/livekit/free-port.ts';
import { obtainProgram } from './debian.ts';

/** The path of a redis-server. @throws with what to do, when there is none and none can be installed */
export const obtainRedis = (progress: (line: string) => void): Promise<string> =>
  obtainProgram(['redis-server'], 'redis-server', progress);

/** Resolves to true once it accepts connections, to false when it ended before. */
const isReady = async (server: ChildProcess): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.once('exit', () => resolve(false));
  server.once('error', () => resolve(false));
  server.stdout?.on('data', (chunk: Buffer) => {
    if (chunk.toString().includes('Ready to accept connections')) resolve(true);
  });
  return promise;
};

const stop = async (server: ChildProcess): Promise<void> => {
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  const late = await Promise.race([ended.then(() => false), sleep(3_000, true, { ref: false })]);
  if (late) server.kill('SIGKILL');
  await ended;
};

/** Starts a Redis on loopback that writes nothing to disk. Disposing stops it. */
export const startRedis = async (): Promise<{ url: string; address: string } & AsyncDisposable> => {
  const program = await obtainRedis(() => undefined);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const settings = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'];
    const server = spawn(program, settings, { cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] });
    if (await isReady(server)) {
      const address = `127.0.0.1:${port}`;
      return { url: `redis://${address}`, address, [Symbol.asyncDispose]: () => stop(server) };
    }
    if (attempt === 3) throw new Error(`${program} did not start.`);
  }
};
