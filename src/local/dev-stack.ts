/**
 * Everything a service needs around it, on a machine that has nothing: a LiveKit server, and a simulator for each provider without
 * a key. The LiveKit server is always one of our own: a laptop must not join a customer's project by accident.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { startProviders, type Providers, type ProvidersOptions } from '../simulators/providers/server.ts';
import { obtainLivekitServer, startLivekitServer } from './livekit/server.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export type DevStack = AsyncDisposable &
  Readonly<{
    /** The environment to configure the service with. */
    env: Env;
    livekit: Readonly<{ url: string; apiKey: string; apiSecret: string }>;
    /** Null if every provider is real. */
    providers: Providers | null;
    isSttSimulated: boolean;
  }>;

type DevStackOptions = Readonly<{
  env: Env;
  /** Where the service will listen: LiveKit sends its webhooks there. */
  port: number;
  databaseUrl: string;
  /** `redis://…`; LiveKit needs it for SIP trunks and dispatch rules. */
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

/** Starts the stack, and reports line by line what is real and what is simulated. */
export const startDevStack = async (options: DevStackOptions): Promise<DevStack> => {
  const { env, port, progress } = options;
  if (env.NODE_ENV === 'production')
    throw new AppError(
      'local_mode',
      'Local mode simulates providers and does not run with NODE_ENV=production. Use npm start, or unset NODE_ENV.',
    );
  await using stack = new AsyncDisposableStack();
  const binary = await obtainLivekitServer({ env, progress, ...(options.signal && { signal: options.signal }) });
  const webhookUrl = `http://127.0.0.1:${port}/api/v1/webhooks/livekit/events`;
  const redis = options.redisUrl === undefined ? {} : { redisUrl: options.redisUrl };
  const livekit = stack.use(await startLivekitServer({ binary, webhookUrl, progress, ...redis }));
  if (isSet(env, 'LIVEKIT_URL')) progress('LiveKit server: LIVEKIT_URL is ignored, this command starts its own server');
  const { url, apiKey, apiSecret } = livekit;
  const providers = await startMissingProviders(env, options.simulators ?? {}, stack, progress);
  const speechCache = providers === null ? {} : { VOICE_DIR: await createTemporaryFolder(stack) };
  const started = stack.move();
  return {
    livekit: { url, apiKey, apiSecret },
    providers,
    isSttSimulated: !isSet(env, 'DEEPGRAM_API_KEY'),
    env: {
      ...Object.fromEntries(Object.entries(env).filter(([name]) => !livekitVariables.includes(name))),
      ...(providers === null ? {} : simulatedVariables(env, providers)),
      ...speechCache,
      LIVEKIT_URL: url,
      LIVEKIT_API_KEY: apiKey,
      LIVEKIT_API_SECRET: apiSecret,
      LOCAL_MODE: '1',
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: options.databaseUrl,
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
};

/** For cached speech that is simulated: it must not outlive the run. */
const createTemporaryFolder = async (stack: AsyncDisposableStack): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-voices-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

const startMissingProviders = async (
  env: Env,
  options: ProvidersOptions,
  stack: AsyncDisposableStack,
  progress: (line: string) => void,
): Promise<Providers | null> => {
  const providers = {
    DEEPGRAM_API_KEY: 'Speech-to-text: Deepgram',
    OPENAI_API_KEY: 'Language model and text-to-speech: OpenAI',
  };
  for (const [key, name] of Object.entries(providers))
    progress(isSet(env, key) ? `${name} (${key} is set)` : `${name}, simulated (${key} is not set)`);
  if (Object.keys(providers).every((key) => isSet(env, key))) return null;
  return stack.use(await startProviders(options));
};

const simulatedVariables = (env: Env, providers: Providers): Env => ({
  ...(isSet(env, 'DEEPGRAM_API_KEY')
    ? {}
    : { DEEPGRAM_API_KEY: 'simulated', DEEPGRAM_BASE_URL: providers.deepgramUrl }),
  ...(isSet(env, 'OPENAI_API_KEY') ? {} : { OPENAI_API_KEY: 'simulated', OPENAI_BASE_URL: providers.openaiUrl }),
});
