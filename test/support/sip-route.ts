/** Asks a real LiveKit server how it routes an INVITE, as LiveKit's SIP service does: the most realistic call without a carrier. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const source = join(import.meta.dirname, 'siproute');
const run = promisify(execFile);

export type SipRoute = Readonly<{
  /** LiveKit's result: ACCEPT, DROP, … */
  result: string;
  /** Empty when no trunk or no rule takes the call. */
  trunkId: string;
  ruleId: string;
  callId: string;
  room: string;
  identity: string;
  attributes: Readonly<Record<string, string>>;
  /** The SIP participant joins with it; empty unless the call is accepted. */
  token: string;
}>;

const cacheFolder = (): string => join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'telephony-agent');

/** Named by a hash of its sources, so that a change is built again. */
const builtPath = async (): Promise<string> => {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(join(source, file)));
  return join(cacheFolder(), `siproute-${hash.digest('hex').slice(0, 12)}`);
};

/** Go, from PATH or its default installation folder. No C compiler is needed. */
const build = async (path: string): Promise<void> => {
  const env = {
    ...process.env,
    PATH: `${process.env['PATH'] ?? ''}:/usr/local/go/bin`,
    CGO_ENABLED: '0',
    GOWORK: 'off',
    GOFLAGS: '-buildvcs=false',
  };
  const unfinished = `${path}.${process.pid}`;
  try {
    await run('go', ['build', '-o', unfinished, '.'], { cwd: source, env, maxBuffer: 100_000_000 });
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
};

/**
 * The path of the program that asks. Building it takes one to four minutes, the first time.
 * @throws with Go's output, when it can't be built
 */
export const obtainSipRoute = async (progress: (line: string) => void): Promise<string> => {
  const path = await builtPath();
  const isBuilt = await access(path).then(
    () => true,
    () => false,
  );
  if (isBuilt) return path;
  progress('siproute: building test/support/siproute with Go (once, one to four minutes) …');
  await mkdir(cacheFolder(), { recursive: true });
  await build(path).catch((error: unknown) => {
    throw new Error('The tests of SIP trunks need a program built with Go 1.25 or newer.', { cause: error });
  });
  return path;
};

/**
 * How a call is routed: its trunk, rule and, when accepted, room and token.
 * @param call `source` is the carrier's address, by default one of Twilio's
 * @throws the server's error when it refuses to answer
 */
export const sipRoute = async (
  server: { redisAddress: string; apiKey: string; apiSecret: string },
  call: { from: string; to: string; source?: string },
): Promise<SipRoute> => {
  const program = await obtainSipRoute(() => undefined);
  const given = ['-from', call.from, '-to', call.to, ...(call.source === undefined ? [] : ['-source', call.source])];
  const { stdout } = await run(program, given, {
    env: {
      SIP_ROUTE_REDIS: server.redisAddress,
      LIVEKIT_API_KEY: server.apiKey,
      LIVEKIT_API_SECRET: server.apiSecret,
    },
  });
  return JSON.parse(stdout) as SipRoute;
};
