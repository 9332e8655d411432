/**
 * `npm run dev`: runs everything on this machine until Ctrl-C. LiveKit and the simulated providers run in this process; the
 * service runs in a child process that restarts when a file changes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { version } from '../version.ts';
import { startDevStack, type Env } from './dev-stack.ts';
import { print, runMain } from './run-main.ts';

const help = `Usage: npm run dev [-- --livekit]

Starts the service with its own LiveKit server, the database in DATABASE_URL, and a simulator for every provider without an API
key. The service restarts when a source file changes.

  --livekit  use the LiveKit project in LIVEKIT_URL instead, as agent "telephony-agent-dev"; requires all API keys
  --version  print the version
  --help     print this help`;

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Runs the service until `signal` aborts, restarting it when a file changes. */
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

await runMain(async (signal) => {
  const { values } = parseArgs({
    options: { livekit: { type: 'boolean' }, help: { type: 'boolean' }, version: { type: 'boolean' } },
  });
  if (values.help === true) return print(help);
  if (values.version === true) return print(version);
  if (existsSync('.env')) process.loadEnvFile('.env');
  if (values.livekit === true) return watchService({ ...process.env, AGENT_NAME: 'telephony-agent-dev' }, signal);
  const { port, databaseUrl } = loadConfig({ PORT: process.env.PORT, DATABASE_URL: process.env.DATABASE_URL });
  await using devStack = await startDevStack({ env: process.env, port, databaseUrl, progress: print, signal });
  const { env, providers, isSttSimulated } = devStack;
  const simulation = {
    LOCAL_CONTROL_URL: providers?.controlUrl,
    LOCAL_STT_SIMULATED: isSttSimulated ? '1' : undefined,
  };
  await watchService({ ...env, ...simulation }, signal);
});
