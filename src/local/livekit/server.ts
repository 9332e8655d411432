/** Runs a private LiveKit server for local mode and tests: on loopback only, on free ports, with fresh keys. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import { freePort } from './free-port.ts';

export { livekitVersion, obtainLivekitServer } from './release.ts';

const host = '127.0.0.1';
const startTimeoutMs = 20_000;
const attempts = 5;
/** LiveKit's first SIGTERM waits until every room is empty, the second does not. */
const secondSigtermAfterMs = 150;
const killAfterMs = 2_500;
const keptLogLines = 40;

type LivekitExit = { code: number | null; signal: NodeJS.Signals | null };

export type LivekitServer = AsyncDisposable & {
  url: string;
  httpUrl: string;
  apiKey: string;
  apiSecret: string;
  port: number;
  pid: number;
  /** Resolves when the process has exited, for whatever reason; never rejects. */
  exited: Promise<LivekitExit>;
  /** Its latest log lines (warnings and errors only). */
  log: () => string[];
};

type LivekitServerOptions = {
  /** The path from `obtainLivekitServer`. */
  binary: string;
  /** Default: generated for this run. LiveKit requires a secret of at least 32 characters. */
  keys?: { key: string; secret: string };
  /** Further key pairs to accept; webhooks are signed with `keys`. */
  moreKeys?: Readonly<Record<string, string>>;
  /** Receives every webhook, signed with `keys`. */
  webhookUrl?: string | readonly string[];
  /** `redis://[:password@]host:port`. SIP trunks and dispatch rules need it; rooms and agents don't. */
  redisUrl?: string;
  progress?: (line: string) => void;
};

type Ports = { http: number; udp: number };

const freeUdpPort = async (): Promise<number> => {
  const socket = createSocket('udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
};

const redisConfig = (redisUrl: string) => {
  const url = new URL(redisUrl);
  return { address: `${url.hostname}:${url.port || '6379'}`, username: url.username, password: url.password };
};

/**
 * LiveKit reads YAML, of which JSON is a subset. Media uses UDP on loopback only: the TCP fallback is off because LiveKit would
 * bind it to every address of the machine, whatever `bind_addresses` says.
 */
const configBody = (options: LivekitServerOptions, keys: { key: string; secret: string }, ports: Ports): string =>
  JSON.stringify({
    port: ports.http,
    bind_addresses: [host],
    rtc: {
      udp_port: ports.udp,
      tcp_port: 0,
      node_ip: host,
      use_external_ip: false,
      enable_loopback_candidate: true,
      ips: { includes: [`${host}/32`] },
    },
    keys: { ...options.moreKeys, [keys.key]: keys.secret },
    logging: { level: 'warn', pion_level: 'error' },
    ...(options.webhookUrl === undefined ? {} : { webhook: { api_key: keys.key, urls: [options.webhookUrl].flat() } }),
    ...(options.redisUrl === undefined ? {} : { redis: redisConfig(options.redisUrl) }),
  });

const keepLog = (child: ChildProcess): (() => string[]) => {
  let kept: string[] = [];
  const keep = (chunk: Buffer) => (kept = [...kept, ...chunk.toString('utf8').trim().split('\n')].slice(-keptLogLines));
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => kept;
};

/** True once the server responds, false if the process exits first. */
const whenResponding = async (httpUrl: string, exited: Promise<LivekitExit>): Promise<boolean> => {
  const gone = exited.then(() => 'gone' as const);
  for (const until = Date.now() + startTimeoutMs; Date.now() < until;) {
    const response = fetch(httpUrl, { signal: AbortSignal.timeout(1_000) }).then(
      async (response) => (await response.text()) && response.ok,
      () => false,
    );
    const outcome = await Promise.race([response, gone]);
    if (outcome === 'gone') return false;
    if (outcome) return true;
    await sleep(50);
  }
  throw new AppError('local_mode', `The LiveKit server did not respond within ${startTimeoutMs / 1000} s.`);
};

const stop = async (child: ChildProcess, exited: Promise<LivekitExit>): Promise<void> => {
  const ended = exited.then(() => true);
  const within = (ms: number) => Promise.race([ended, sleep(ms, false, { ref: false })]);
  child.kill('SIGTERM');
  if (await within(secondSigtermAfterMs)) return;
  child.kill('SIGTERM');
  if (await within(killAfterMs)) return;
  child.kill('SIGKILL');
  await ended;
};

const launch = async (options: LivekitServerOptions): Promise<LivekitServer | { conflict: string[] }> => {
  const keys = options.keys ?? {
    key: `API${randomBytes(6).toString('hex')}`,
    secret: randomBytes(32).toString('base64url'),
  };
  const ports: Ports = { http: await freePort(), udp: await freeUdpPort() };
  // The configuration contains the secret: in the environment, other users' `ps` doesn't show it.
  const env = { LIVEKIT_CONFIG: configBody(options, keys, ports) };
  const child = spawn(options.binary, [], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<LivekitExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  const log = keepLog(child);
  const killAtExit = () => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const dispose = async () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) await stop(child, exited);
    process.off('exit', killAtExit);
  };
  const httpUrl = `http://${host}:${ports.http}`;
  try {
    if (!(await whenResponding(httpUrl, exited))) {
      await dispose();
      return { conflict: log() };
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  const { key: apiKey, secret: apiSecret } = keys;
  const url = `ws://${host}:${ports.http}`;
  const facts = { url, httpUrl, apiKey, apiSecret, port: ports.http, pid: child.pid ?? 0, exited, log };
  return { ...facts, [Symbol.asyncDispose]: dispose };
};

/**
 * Starts a LiveKit server and waits until it responds. Disposing stops it within 3 s, even during calls; so does the exit of
 * this process (but not an unhandled signal or SIGKILL: the caller must handle SIGINT and SIGTERM).
 * @throws AppError with the server's last log lines if it doesn't start
 */
export const startLivekitServer = async (options: LivekitServerOptions): Promise<LivekitServer> => {
  let log: string[] = [];
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const started = await launch(options);
    if (!('conflict' in started)) {
      options.progress?.(`LiveKit server: listening on ${started.url}`);
      return started;
    }
    log = started.conflict;
    if (!log.some((line) => /address already in use|only one usage/i.test(line))) break;
  }
  throw new AppError(
    'local_mode',
    `The LiveKit server ${options.binary} did not start: ${log.slice(-3).join(' | ') || 'it logged nothing'}.`,
  );
};
