/**
 * What a service needs around it, on a machine that has nothing: a LiveKit server of its own, and a simulated provider for every
 * provider without a key. Always a LiveKit server of its own: a laptop must not join a customer's project by accident.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { obtainLivekitServer, startLivekitServer } from './livekit/server.ts';
import { startProviders, type Providers, type ProvidersOptions } from '../simulators/providers/server.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export type DevStack = AsyncDisposable &
  Readonly<{
    /** The environment with which the service is to be configured. */
    env: Env;
    livekit: Readonly<{ url: string; apiKey: string; apiSecret: string }>;
    /** Null where every provider is real. */
    providers: Providers | null;
  }>;

export type DevStackOptions = Readonly<{
  env: Env;
  /** Where the service will listen: LiveKit's webhooks go there. */
  port: number;
  databaseUrl: string;
  /** `redis://…`: with it the LiveKit server knows SIP trunks and dispatch rules. */
  redisUrl?: string | undefined;
  simulators?: ProvidersOptions;
  progress: (line: string) => void;
  signal?: AbortSignal;
}>;

const livekitVariables = [
  'LIVEKIT_URL',
  'LIVEKIT_API_KEY',
  'LIVEKIT_API_SECRET',
  'LIVEKIT_INBOUND_TRUNK_ID',
  'LIVEKIT_OUTBOUND_TRUNK_ID',
];

const isSet = (env: Env, name: string): boolean => (env[name] ?? '').trim() !== '';

/** Starts what is around the service. Says line by line what is real, and what is simulated. */
export const startDevStack = async (options: DevStackOptions): Promise<DevStack> => {
  const { env, port, progress } = options;
  if (env.NODE_ENV === 'production')
    throw new AppError('local_mode', 'NODE_ENV is production: local mode simulates. Use npm start, or unset NODE_ENV.');
  await using stack = new AsyncDisposableStack();
  const binary = await obtainLivekitServer({ env, progress, ...(options.signal && { signal: options.signal }) });
  const webhookUrl = `http://127.0.0.1:${port}/api/v1/webhooks/livekit/events`;
  const redis = options.redisUrl === undefined ? {} : { redisUrl: options.redisUrl };
  const livekit = stack.use(await startLivekitServer({ binary, webhookUrl, progress, ...redis }));
  if (isSet(env, 'LIVEKIT_URL')) progress('LiveKit: a server of our own; LIVEKIT_URL is left alone here.');
  const { url, apiKey, apiSecret } = livekit;
  const providers = await providersFor(env, options.simulators ?? {}, stack, progress);
  const voices = providers === null ? {} : { VOICE_DIR: await passingFolder(stack) };
  const opened = stack.move();
  return {
    livekit: { url, apiKey, apiSecret },
    providers,
    env: {
      ...Object.fromEntries(Object.entries(env).filter(([name]) => !livekitVariables.includes(name))),
      ...(providers === null ? {} : simulatedVariables(env, providers)),
      ...voices,
      LIVEKIT_URL: url,
      LIVEKIT_API_KEY: apiKey,
      LIVEKIT_API_SECRET: apiSecret,
      LOCAL_MODE: '1',
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: options.databaseUrl,
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};

/** Simulated speech is of no use to the next run. */
const passingFolder = async (stack: AsyncDisposableStack): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-voices-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

const providersFor = async (
  env: Env,
  simulation: ProvidersOptions,
  stack: AsyncDisposableStack,
  progress: (line: string) => void,
): Promise<Providers | null> => {
  const names = { DEEPGRAM_API_KEY: 'Deepgram (hears)', OPENAI_API_KEY: 'OpenAI (thinks and speaks)' } as const;
  for (const [key, name] of Object.entries(names))
    progress(`${name}: ${isSet(env, key) ? `real, ${key} is set` : `simulated, ${key} is not set`}`);
  if (Object.keys(names).every((key) => isSet(env, key))) return null;
  return stack.use(await startProviders(simulation));
};

const simulatedVariables = (env: Env, providers: Providers): Env => ({
  ...(isSet(env, 'DEEPGRAM_API_KEY')
    ? {}
    : { DEEPGRAM_API_KEY: 'simulated', DEEPGRAM_BASE_URL: providers.deepgramUrl }),
  ...(isSet(env, 'OPENAI_API_KEY') ? {} : { OPENAI_API_KEY: 'simulated', OPENAI_BASE_URL: providers.openaiUrl }),
});
