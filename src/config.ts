/**
 * The configuration: the environment, read once, as one value. The only reader of process.env is who calls loadConfig with it.
 *
 * Groups are complete or null: half a group is a mistake, and every mistake is reported at once, in a sentence that names the
 * variable and what to put there.
 */
import type { CountryCode } from 'libphonenumber-js';
import type { z } from 'zod';
import { blankIsUnset, environment, type Environment, type RawEnvironment } from './environment.ts';
import { AppError } from './errors.ts';
import type { CallLimits } from './routing/route.ts';

/** A provider's key and the address of its protocol, without a trailing slash. */
export type Provider = Readonly<{ apiKey: string; baseUrl: string }>;

/** `baseUrl` null: Twilio's own addresses; else everything that would go to them goes there. */
export type TwilioAccount = Readonly<{ accountSid: string; authToken: string; baseUrl: string | null }>;

export type Config = Readonly<{
  production: boolean;
  host: string;
  port: number;
  /** Under which address the world reaches the service, without a trailing slash. */
  publicUrl: string | null;
  databaseUrl: string;
  /** The folder where prepared speech is kept. */
  voiceDir: string;
  defaultCountry: CountryCode;
  agentName: string;
  maxCalls: number;
  idleProcesses: number;
  drainTimeoutMs: number;
  limits: CallLimits;
  /** What was said on a call is deleted after so many days; 0: never. */
  retentionDays: number;
  /** With less memory than this there is no room for another call; 0: whatever there is. */
  minFreeMemoryMb: number;
  livekit: null | Readonly<{
    url: string;
    apiKey: string;
    apiSecret: string;
    inboundTrunkId: string | null;
    outboundTrunkId: string | null;
  }>;
  /** Where Twilio sends the calls: the SIP address of the LiveKit project. */
  livekitSipUri: string | null;
  twilio: null | TwilioAccount;
  /** The number that `db:seed` gives to the sample campaign. */
  phoneNumber: string | null;
  deepgram: null | Provider;
  openai: null | Provider;
  api: Readonly<{
    /** Signs the access tokens of the API; null: one is made for each run. */
    jwtSecret: string | null;
    /** The web pages that may use the API from a browser. */
    corsOrigins: readonly string[];
    /** How many proxies before us tell the asker's address (X-Forwarded-For). */
    trustedProxies: number;
  }>;
  /** Started by local mode, with providers or a LiveKit server that are simulated. */
  isLocal: boolean;
  log: Readonly<{ level: string; pii: boolean }>;
}>;

/** LiveKit's development secret, known to everybody. */
const knownSecrets = new Set(['secret', 'devsecret', 'changeme']);

/** What is said of it in production. */
export const weakSecretProblem =
  "LIVEKIT_API_SECRET is LiveKit's well-known development secret: make a key pair of your own.";

/** Whether everybody knows this key pair: who does can forge webhooks, and join every call. */
export const isKnownSecret = ({ apiKey, apiSecret }: Readonly<{ apiKey: string; apiSecret: string }>): boolean =>
  knownSecrets.has(apiSecret) || apiKey === 'devkey';

const hints = {
  LIVEKIT_URL: 'the address of your LiveKit project, such as wss://your-project.livekit.cloud',
  LIVEKIT_API_KEY: "your LiveKit project's API key",
  LIVEKIT_API_SECRET: "your LiveKit project's API secret",
  LIVEKIT_SIP_URI: "your LiveKit project's SIP URI, such as sip:your-project.sip.livekit.cloud",
  TWILIO_ACCOUNT_SID: "your Twilio account's SID (AC…)",
  TWILIO_AUTH_TOKEN: "your Twilio account's auth token",
  DEEPGRAM_API_KEY: 'your Deepgram key',
  OPENAI_API_KEY: 'your OpenAI key',
} as const;
type Hinted = keyof typeof hints;

type IsSet = (name: keyof Environment) => boolean;

/** Every problem of a group of which something, but not all that it needs, is set. */
const halfSet = (isSet: IsSet, needs: readonly Hinted[], extras: readonly (keyof Environment)[]): string[] => {
  const present = [...needs, ...extras].filter(isSet);
  if (present.length === 0) return [];
  return needs
    .filter((name) => !isSet(name))
    .map((name) => `${name} is missing, but ${present.join(' and ')} is set: put ${hints[name]} there.`);
};

const livekitNames = ['LIVEKIT_URL', 'LIVEKIT_API_KEY', 'LIVEKIT_API_SECRET'] as const;

const productionProblems = (env: RawEnvironment, isSet: IsSet): string[] => {
  if (env.NODE_ENV?.trim() !== 'production') return [];
  const pair = { apiKey: env.LIVEKIT_API_KEY?.trim() ?? '', apiSecret: env.LIVEKIT_API_SECRET?.trim() ?? '' };
  return [
    ...(livekitNames.some(isSet)
      ? []
      : livekitNames.map((name) => `${name} is missing: in production put ${hints[name]} there.`)),
    ...(isSet('LOCAL_MODE') ? ['LOCAL_MODE is set: in production nothing may be simulated. Unset it.'] : []),
    ...(isKnownSecret(pair) ? [weakSecretProblem] : []),
  ];
};

const issuesOf = (error: z.ZodError): string[] =>
  error.issues.map((issue) => {
    const name = String(issue.path[0]);
    return issue.message.startsWith(name) ? issue.message : `${name}: ${issue.message}`;
  });

const livekitOf = (env: Environment): Config['livekit'] =>
  env.LIVEKIT_URL !== undefined && env.LIVEKIT_API_KEY !== undefined && env.LIVEKIT_API_SECRET !== undefined
    ? {
        url: env.LIVEKIT_URL,
        apiKey: env.LIVEKIT_API_KEY,
        apiSecret: env.LIVEKIT_API_SECRET,
        inboundTrunkId: env.LIVEKIT_INBOUND_TRUNK_ID ?? null,
        outboundTrunkId: env.LIVEKIT_OUTBOUND_TRUNK_ID ?? null,
      }
    : null;

/** What a group needs, and whatever else of it makes no sense without that. */
const groups: readonly (readonly [needs: readonly Hinted[], extras: readonly (keyof Environment)[]])[] = [
  [livekitNames, ['LIVEKIT_INBOUND_TRUNK_ID', 'LIVEKIT_OUTBOUND_TRUNK_ID']],
  [['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN'], ['TWILIO_BASE_URL']],
  [['DEEPGRAM_API_KEY'], ['DEEPGRAM_BASE_URL']],
  [['OPENAI_API_KEY'], ['OPENAI_BASE_URL']],
];

/** The stock plugin adds /v1/listen itself; people paste the whole address. */
const deepgramBase = (url: string) => url.replace(/^http/, 'ws').replace(/\/v1(\/listen)?$/, '');

/**
 * Reads the environment.
 * @param env such as process.env; blank values count as unset
 * @throws AppError `config_invalid` with one sentence a line, for every problem at once
 */
export const loadConfig = (env: RawEnvironment): Config => {
  const parsed = environment.safeParse(env);
  // Groups are judged on the raw values, so that one bad number doesn't hide a missing key.
  const isSet = (name: keyof Environment): boolean => blankIsUnset(env[name]) !== undefined;
  const problems = [
    ...(parsed.success ? [] : issuesOf(parsed.error)),
    ...groups.flatMap(([needs, extras]) => halfSet(isSet, needs, extras)),
    ...productionProblems(env, isSet),
  ];
  if (!parsed.success || problems.length > 0) throw new AppError('config_invalid', problems.join('\n'));
  return configOf(parsed.data);
};

const twilioOf = ({ TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_BASE_URL }: Environment): TwilioAccount | null =>
  TWILIO_ACCOUNT_SID === undefined || TWILIO_AUTH_TOKEN === undefined
    ? null
    : { accountSid: TWILIO_ACCOUNT_SID, authToken: TWILIO_AUTH_TOKEN, baseUrl: TWILIO_BASE_URL ?? null };

const configOf = (env: Environment): Config => ({
  production: env.NODE_ENV === 'production',
  host: env.HOST ?? '0.0.0.0',
  port: env.PORT,
  publicUrl: env.PUBLIC_URL ?? null,
  databaseUrl: env.DATABASE_URL,
  voiceDir: env.VOICE_DIR,
  defaultCountry: env.DEFAULT_COUNTRY,
  agentName: env.AGENT_NAME,
  maxCalls: env.MAX_CALLS,
  idleProcesses: env.IDLE_PROCESSES,
  drainTimeoutMs: env.DRAIN_TIMEOUT_SECONDS * 1000,
  limits: { perCallerPerMinute: env.CALLS_PER_CALLER_PER_MINUTE, perTenant: env.CALLS_PER_TENANT },
  retentionDays: env.TRANSCRIPT_RETENTION_DAYS,
  minFreeMemoryMb: env.MIN_FREE_MEMORY_MB,
  livekit: livekitOf(env),
  livekitSipUri: env.LIVEKIT_SIP_URI ?? null,
  twilio: twilioOf(env),
  phoneNumber: env.TWILIO_PHONE_NUMBER ?? null,
  deepgram:
    env.DEEPGRAM_API_KEY === undefined
      ? null
      : { apiKey: env.DEEPGRAM_API_KEY, baseUrl: deepgramBase(env.DEEPGRAM_BASE_URL ?? 'wss://api.deepgram.com') },
  openai:
    env.OPENAI_API_KEY === undefined
      ? null
      : { apiKey: env.OPENAI_API_KEY, baseUrl: env.OPENAI_BASE_URL ?? 'https://api.openai.com/v1' },
  api: {
    jwtSecret: env.JWT_SECRET ?? null,
    corsOrigins: env.CORS_ORIGINS,
    trustedProxies: env.TRUSTED_PROXIES,
  },
  isLocal: env.LOCAL_MODE,
  log: { level: env.LOG_LEVEL, pii: env.LOG_PII },
});

/** A configuration with which calls can be answered. */
export type CallConfig = Config & {
  livekit: NonNullable<Config['livekit']>;
  deepgram: Provider;
  openai: Provider;
};

/**
 * Narrows a configuration to one that can answer calls.
 * @throws AppError `config_invalid` naming every variable that is missing
 */
export const requireCallConfig = (config: Config): CallConfig => {
  const { livekit, deepgram, openai } = config;
  if (livekit !== null && deepgram !== null && openai !== null) return { ...config, livekit, deepgram, openai };
  const missing: Hinted[] = [
    ...(livekit === null ? livekitNames : []),
    ...(deepgram === null ? (['DEEPGRAM_API_KEY'] as const) : []),
    ...(openai === null ? (['OPENAI_API_KEY'] as const) : []),
  ];
  throw missingError(missing);
};

/**
 * The LiveKit project.
 * @throws AppError `config_invalid` naming the variables
 */
export const requireLivekit = (config: Pick<Config, 'livekit'>): NonNullable<Config['livekit']> => {
  if (config.livekit === null) throw missingError(livekitNames);
  return config.livekit;
};

/**
 * The account that owns the numbers.
 * @throws AppError `config_invalid` naming the variables
 */
export const requireTwilio = (config: Pick<Config, 'twilio'>): TwilioAccount => {
  if (config.twilio === null) throw missingError(['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN']);
  return config.twilio;
};

/**
 * Where Twilio is to send the calls.
 * @throws AppError `config_invalid` naming the variable
 */
export const requireSipUri = (config: Pick<Config, 'livekitSipUri'>): string => {
  if (config.livekitSipUri === null) throw missingError(['LIVEKIT_SIP_URI']);
  return config.livekitSipUri;
};

const missingError = (names: readonly Hinted[]): AppError =>
  new AppError('config_invalid', names.map((name) => `${name} is missing: put ${hints[name]} there.`).join('\n'));
