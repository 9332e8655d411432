/**
 * `npm run dev`: everything on this machine, staying up. LiveKit and the simulated providers live here; the service runs in a child
 * process that is started anew when a file changes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { AppError, describeError } from '../errors.ts';
import { startDevStack, type Env } from './dev-stack.ts';
import { version } from '../version.ts';

const help = `Usage: npm run dev [-- --livekit]

Starts the service with a LiveKit server of its own, simulated providers where no key is set, and the database of DATABASE_URL.

  --livekit  joins the LiveKit project of LIVEKIT_URL instead, as agent "telephony-agent-dev"; providers must have their keys
  --help     prints this`;

const root = fileURLToPath(new URL('../../', import.meta.url));
const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Runs the service until `signal`; it is started anew when a file changes. */
const watchService = async (env: Env, signal: AbortSignal): Promise<void> => {
  const watched = ['src', 'agents', 'prisma/schema.prisma'].map((path) => `--watch-path=${root}${path}`);
  const child = spawn(process.execPath, [...watched, '--watch-preserve-output', `${root}src/local/dev-service.ts`], {
    env: { ...env },
    stdio: 'inherit',
  });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  await once(child, 'exit');
};

const run = async (signal: AbortSignal): Promise<void> => {
  const { values } = parseArgs({
    options: { livekit: { type: 'boolean' }, help: { type: 'boolean' }, version: { type: 'boolean' } },
  });
  if (values.help === true) return print(help);
  if (values.version === true) return print(version);
  if (existsSync('.env')) process.loadEnvFile('.env');
  if (values.livekit === true) return watchService({ ...process.env, AGENT_NAME: 'telephony-agent-dev' }, signal);
  const { port, databaseUrl } = loadConfig({ PORT: process.env.PORT, DATABASE_URL: process.env.DATABASE_URL });
  await using around = await startDevStack({ env: process.env, port, databaseUrl, progress: print, signal });
  await watchService({ ...around.env, LOCAL_CONTROL_URL: around.providers?.controlUrl }, signal);
};

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
try {
  await run(stop.signal);
} catch (error) {
  process.stderr.write(`${error instanceof AppError ? error.message : describeError(error)}\n`);
  process.exitCode = 1;
}
