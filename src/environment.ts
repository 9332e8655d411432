/** The environment variables: their names, syntax and defaults. */
import { isSupportedCountry } from 'libphonenumber-js';
import { z } from 'zod';

/** Treats a blank value as unset. */
export const blankIsUnset = (value: unknown) => (typeof value === 'string' && value.trim() === '' ? undefined : value);
const text = z.preprocess((v) => (typeof v === 'string' ? v.trim() : v), z.string()).optional();
const optional = z.preprocess(blankIsUnset, text);

const wholeNumber = (name: string, example: number, range: { min: number; max: number }) =>
  z.preprocess(
    blankIsUnset,
    z.coerce
      .number({ error: `${name} must be a whole number, such as ${example}.` })
      .int(`${name} must be a whole number, such as ${example}.`)
      .min(range.min, `${name} must be between ${range.min} and ${range.max}, such as ${example}.`)
      .max(range.max, `${name} must be between ${range.min} and ${range.max}, such as ${example}.`)
      .default(example),
  );

const url = (name: string, protocols: readonly string[], example: string) =>
  z.preprocess(
    blankIsUnset,
    z
      .string()
      .trim()
      .refine(
        (value) => protocols.includes(URL.parse(value)?.protocol ?? ''),
        `${name} must be a URL such as ${example}.`,
      )
      .transform((value) => value.replace(/\/+$/, ''))
      .optional(),
  );

const matching = (pattern: RegExp, problem: string) =>
  z.preprocess(blankIsUnset, z.string().trim().regex(pattern, problem).optional());

const flag = (name: string) =>
  z.preprocess(
    blankIsUnset,
    z
      .enum(['0', '1', 'true', 'false'], { error: `${name} must be 1 or 0.` })
      .default('0')
      .transform((value) => value === '1' || value === 'true'),
  );

const origins = (value: string): string[] =>
  value
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '');

const minSecretLength = 32;

export const environment = z.object({
  NODE_ENV: optional,
  HOST: optional,
  PORT: wholeNumber('PORT', 3000, { min: 0, max: 65535 }),
  PUBLIC_URL: url('PUBLIC_URL', ['http:', 'https:'], 'https://agent.example.com'),
  DATABASE_URL: z.preprocess(
    blankIsUnset,
    z
      .string()
      .default('file:./dev.db')
      .refine(
        (value) => /^(file:.+|postgres(ql)?:\/\/.+)/.test(value),
        'DATABASE_URL must be file:./dev.db (SQLite) or postgresql://user:password@host/database.',
      ),
  ),
  VOICE_DIR: z.preprocess(blankIsUnset, z.string().trim().default('./voices')),
  DEFAULT_COUNTRY: z.preprocess(
    blankIsUnset,
    z
      .string()
      .default('US')
      .refine(isSupportedCountry, 'DEFAULT_COUNTRY must be a two-letter country code such as US.'),
  ),
  AGENT_NAME: z.preprocess(blankIsUnset, z.string().trim().default('telephony-agent')),
  MAX_CALLS: wholeNumber('MAX_CALLS', 10, { min: 1, max: 1000 }),
  IDLE_PROCESSES: wholeNumber('IDLE_PROCESSES', 2, { min: 1, max: 32 }),
  DRAIN_TIMEOUT_SECONDS: wholeNumber('DRAIN_TIMEOUT_SECONDS', 3600, { min: 1, max: 86_400 }),
  CALLS_PER_CALLER_PER_MINUTE: wholeNumber('CALLS_PER_CALLER_PER_MINUTE', 20, { min: 0, max: 100_000 }),
  CALLS_PER_TENANT: wholeNumber('CALLS_PER_TENANT', 100, { min: 0, max: 100_000 }),
  TRANSCRIPT_RETENTION_DAYS: wholeNumber('TRANSCRIPT_RETENTION_DAYS', 30, { min: 0, max: 36_500 }),
  MIN_FREE_MEMORY_MB: wholeNumber('MIN_FREE_MEMORY_MB', 256, { min: 0, max: 1_000_000 }),
  LOG_LEVEL: z.preprocess(
    blankIsUnset,
    z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
        error: 'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent.',
      })
      .default('info'),
  ),
  LOG_PII: flag('LOG_PII'),
  LOCAL_MODE: flag('LOCAL_MODE'),
  JWT_SECRET: z.preprocess(
    blankIsUnset,
    z
      .string()
      .trim()
      .min(
        minSecretLength,
        `JWT_SECRET must be at least ${minSecretLength} characters long; \`openssl rand -base64 48\` generates one.`,
      )
      .optional(),
  ),
  CORS_ORIGINS: z.preprocess(
    blankIsUnset,
    z
      .string()
      .default('')
      .transform(origins)
      .refine(
        (list) => list.every((origin) => URL.parse(origin)?.origin === origin),
        'CORS_ORIGINS must be a comma-separated list of origins such as https://console.example.com.',
      ),
  ),
  TRUSTED_PROXIES: wholeNumber('TRUSTED_PROXIES', 0, { min: 0, max: 10 }),
  LIVEKIT_URL: url('LIVEKIT_URL', ['ws:', 'wss:', 'http:', 'https:'], 'wss://your-project.livekit.cloud'),
  LIVEKIT_API_KEY: optional,
  LIVEKIT_API_SECRET: optional,
  LIVEKIT_INBOUND_TRUNK_ID: optional,
  LIVEKIT_OUTBOUND_TRUNK_ID: optional,
  LIVEKIT_SIP_URI: matching(
    /^sip:([^@\s]+@)?[a-z0-9.-]+(:\d+)?(;[^\s]*)?$/i,
    "LIVEKIT_SIP_URI must be a SIP URI such as sip:your-project.sip.livekit.cloud (Twilio doesn't accept sips:).",
  ),
  TWILIO_ACCOUNT_SID: matching(/^AC\w+$/, 'TWILIO_ACCOUNT_SID must be an account SID, which starts with AC.'),
  TWILIO_AUTH_TOKEN: optional,
  TWILIO_BASE_URL: url('TWILIO_BASE_URL', ['http:', 'https:'], 'https://twilio-proxy.example.com'),
  TWILIO_PHONE_NUMBER: optional,
  DEEPGRAM_API_KEY: optional,
  DEEPGRAM_BASE_URL: url('DEEPGRAM_BASE_URL', ['ws:', 'wss:', 'http:', 'https:'], 'wss://api.deepgram.com'),
  OPENAI_API_KEY: optional,
  OPENAI_BASE_URL: url('OPENAI_BASE_URL', ['http:', 'https:'], 'https://api.openai.com/v1'),
});
export type Environment = z.infer<typeof environment>;
/** The environment before parsing, such as process.env. */
export type RawEnvironment = Readonly<Record<string, string | undefined>>;

/** The names of all variables; .env.example documents each. */
export const variableNames = Object.keys(environment.shape);
