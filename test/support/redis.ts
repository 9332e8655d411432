/** The Redis of the tests: Debian's, which is installed where we may. LiveKit keeps its SIP trunks and rules there. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '#src/local/surroundings.ts';

const find = async (): Promise<string | null> => {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'redis-server');
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return null;
};

/** Another installation may be under way: it is waited for. */
const install = async (): Promise<void> => {
  const run = promisify(execFile);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 100_000_000 };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await run('apt-get', [...wait, 'update'], options);
  await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', 'redis-server'], options);
};

/**
 * The path of a redis-server. Installing takes half a minute.
 * @throws where there is none and none can be installed, with what to do
 */
export const obtainRedis = async (progress: (line: string) => void): Promise<string> => {
  const found = await find();
  if (found !== null) return found;
  progress('Redis: none on PATH; installing Debian’s package …');
  const why = await install().then(
    () => '',
    (error: unknown) => String(error),
  );
  const installed = await find();
  if (installed === null)
    throw new Error(`The tests of SIP trunks need redis-server: install it, and put it on PATH. ${why}`);
  return installed;
};

/** True once it takes connections, false when it ended before. */
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

/** Starts a Redis of one's own on loopback, which keeps nothing. Disposing ends it. */
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
