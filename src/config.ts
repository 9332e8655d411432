/**
 * The configuration: the environment, read once, as one value. Only callers of `loadConfig` read process.env.
 *
 * A group of variables is complete or null; an incomplete one is an error. All errors are reported at once, each in a sentence
 * that names the variable and what to set it to.
 */
import type { CountryCode } from 'libphonenumber-js';
import type { z } from 'zod';
import { blankIsUnset, environment, type Environment, type RawEnvironment } from './environment.ts';
import { AppError } from './errors.ts';
import type { CallLimits } from './routing/route.ts';

/** A provider's key and base URL, without a trailing slash. */
export type Provider = Readonly<{ apiKey: string; baseUrl: string }>;

/** `baseUrl`: receives every request instead of Twilio's own endpoints; null: those. */
type TwilioAccount = Readonly<{ accountSid: string; authToken: string; baseUrl: string | null }>;

export type Config = Readonly<{
  production: boolean;
  host: string;
  port: number;
  /** The URL at which the service is reached from outside, without a trailing slash. */
  publicUrl: string | null;
  databaseUrl: string;
  /** The folder of the speech cache. */
  voiceDir: string;
  defaultCountry: CountryCode;
  agentName: string;
  maxCalls: number;
  idleProcesses: number;
  drainTimeoutMs: number;
  limits: CallLimits;
  /** Transcripts are deleted after this many days; 0: never. */
  retentionDays: number;
  /** With less free memory, no further call is taken; 0: no limit. */
  minFreeMemoryMb: number;
  livekit: null | Readonly<{
    url: string;
    apiKey: string;
    apiSecret: string;
    inboundTrunkId: string | null;
    outboundTrunkId: string | null;
  }>;
  /** Where Twilio sends calls: the SIP URI of the LiveKit project. */
  livekitSipUri: string | null;
  twilio: null | TwilioAccount;
  /** The number that `db:seed` assigns to the sample campaign. */
  phoneNumber: string | null;
  deepgram: null | Provider;
  openai: null | Provider;
  api: Readonly<{
    /** Signs the API's access tokens; null: each run generates its own. */
    jwtSecret: string | null;
    /** The origins whose pages may call the API from a browser. */
    corsOrigins: readonly string[];
    /** How many proxies in front of the service add the client's address to X-Forwarded-For. */
    trustedProxies: number;
  }>;
  /** Set by local mode, where providers or the LiveKit server may be simulated. */
  isLocal: boolean;
  log: Readonly<{ level: string; pii: boolean }>;
}>;

/** The secret of LiveKit's development mode, and others in common use: anybody can guess them. */
const developmentSecrets = new Set(['secret', 'devsecret', 'changeme']);

export const developmentSecretProblem =
  "LIVEKIT_API_SECRET is LiveKit's well-known development secret: create an API key pair of your own.";

/** Whether this is a well-known key pair, with which anybody could forge webhooks and join every call. */
export const isDevelopmentKey = ({ apiKey, apiSecret }: Readonly<{ apiKey: string; apiSecret: string }>): boolean =>
  developmentSecrets.has(apiSecret) || apiKey === 'devkey';

const hints = {
  LIVEKIT_URL: "your LiveKit project's URL, such as wss://your-project.livekit.cloud",
  LIVEKIT_API_KEY: "your LiveKit project's API key",
  LIVEKIT_API_SECRET: "your LiveKit project's API secret",
  LIVEKIT_SIP_URI: "your LiveKit project's SIP URI, such as sip:your-project.sip.livekit.cloud",
  TWILIO_ACCOUNT_SID: 'your Twilio account SID (AC…)',
  TWILIO_AUTH_TOKEN: 'your Twilio auth token',
  DEEPGRAM_API_KEY: 'your Deepgram API key',
  OPENAI_API_KEY: 'your OpenAI API key',
} as const;
type Hinted = keyof typeof hints;

type IsSet = (name: keyof Environment) => boolean;

/** The problems of a group that is set in part: one for each variable that it lacks. */
const incompleteGroup = (isSet: IsSet, needs: readonly Hinted[], extras: readonly (keyof Environment)[]): string[] => {
  const present = [...needs, ...extras].filter(isSet);
  if (present.length === 0) return [];
  return needs
    .filter((name) => !isSet(name))
    .map((name) => `${name} is required with ${present.join(' and ')}: set it to ${hints[name]}.`);
};

const livekitNames = ['LIVEKIT_URL', 'LIVEKIT_API_KEY', 'LIVEKIT_API_SECRET'] as const;

const productionProblems = (env: RawEnvironment, isSet: IsSet): string[] => {
  if (env.NODE_ENV?.trim() !== 'production') return [];
  const pair = { apiKey: env.LIVEKIT_API_KEY?.trim() ?? '', apiSecret: env.LIVEKIT_API_SECRET?.trim() ?? '' };
  return [
    ...(livekitNames.some(isSet)
      ? []
      : livekitNames.map((name) => `${name} is required in production: set it to ${hints[name]}.`)),
    ...(isSet('LOCAL_MODE') ? ['LOCAL_MODE must not be set in production, where nothing may be simulated.'] : []),
    ...(isDevelopmentKey(pair) ? [developmentSecretProblem] : []),
  ];
};

const problemsOf = (error: z.ZodError): string[] =>
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

/** Each group's required variables, and the optional ones that have no effect without them. */
const groups: readonly (readonly [needs: readonly Hinted[], extras: readonly (keyof Environment)[]])[] = [
  [livekitNames, ['LIVEKIT_INBOUND_TRUNK_ID', 'LIVEKIT_OUTBOUND_TRUNK_ID']],
  [['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN'], ['TWILIO_BASE_URL']],
  [['DEEPGRAM_API_KEY'], ['DEEPGRAM_BASE_URL']],
  [['OPENAI_API_KEY'], ['OPENAI_BASE_URL']],
];

/** The client appends /v1/listen itself, but people paste the whole URL. */
const deepgramBase = (url: string) => url.replace(/^http/, 'ws').replace(/\/v1(\/listen)?$/, '');

/**
 * Parses the environment.
 * @param env such as process.env; blank values count as unset
 * @throws AppError `config_invalid` with one sentence per line, for all problems at once
 */
export const loadConfig = (env: RawEnvironment): Config => {
  const parsed = environment.safeParse(env);
  // Groups are checked on raw values, so that one invalid number doesn't hide a missing key.
  const isSet = (name: keyof Environment): boolean => blankIsUnset(env[name]) !== undefined;
  const problems = [
    ...(parsed.success ? [] : problemsOf(parsed.error)),
    ...groups.flatMap(([needs, extras]) => incompleteGroup(isSet, needs, extras)),
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

/** A configuration that is complete enough to answer calls. */
export type CallConfig = Config & {
  livekit: NonNullable<Config['livekit']>;
  deepgram: Provider;
  openai: Provider;
};

/**
 * Narrows a configuration to one that is complete enough to answer calls.
 * @throws AppError `config_invalid` naming every missing variable
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

/** @throws AppError `config_invalid` naming the missing variables */
export const requireLivekit = (config: Pick<Config, 'livekit'>): NonNullable<Config['livekit']> => {
  if (config.livekit === null) throw missingError(livekitNames);
  return config.livekit;
};

/** @throws AppError `config_invalid` naming the missing variables */
export const requireTwilio = (config: Pick<Config, 'twilio'>): TwilioAccount => {
  if (config.twilio === null) throw missingError(['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN']);
  return config.twilio;
};

/** @throws AppError `config_invalid` naming the missing variable */
export const requireSipUri = (config: Pick<Config, 'livekitSipUri'>): string => {
  if (config.livekitSipUri === null) throw missingError(['LIVEKIT_SIP_URI']);
  return config.livekitSipUri;
};

const missingError = (names: readonly Hinted[]): AppError =>
  new AppError('config_invalid', names.map((name) => `${name} is missing: set it to ${hints[name]}.`).join('\n'));
