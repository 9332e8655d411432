/** Queries all outside systems: database, Twilio, LiveKit, the running service and the providers. */
import type { Config } from '../config.ts';
import { pendingMigrations } from '../database/migrate.ts';
import { openDb, type Db } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { openSip } from '../livekit/sip.ts';
import type { SipState } from '../livekit/sync.ts';
import { allTrunkNumbers } from '../numbers/store.ts';
import { loadRouteFacts } from '../routing/store.ts';
import { findTenants } from '../tenants/store.ts';
import { withTimeLimit } from '../time-limit.ts';
import { openTwilio } from '../twilio/client.ts';
import { probeFailed, probed, errorSentence, type FindingCode, type ProbeResult } from './check.ts';
import { probeDeepgram, probeOpenai, probeService } from './probe-http.ts';
import { probeWebhook } from './probe-webhook.ts';
import type { DatabaseState, NumberState, ProbeResults, TwilioState } from './probe-results.ts';
import { findEditable } from './store.ts';

/** A backstop: the probes' own limits are shorter. */
const limitMs = 30_000;

type ProbeOptions = Readonly<{
  /** In E.164; null: every active number. */
  number: string | null;
  /** Called when a probe has finished, with how long it took. */
  onProbed: (name: string, ms: number) => void;
}>;

/**
 * Runs all probes at once; a failure of one doesn't affect the others. Changes nothing, except that a LiveKit room is created and
 * deleted. Never throws: a failure is a result.
 */
export const runProbes = async (config: Config, { number, onProbed }: ProbeOptions): Promise<ProbeResults> => {
  const timed = async <T>(name: string, probe: () => Promise<ProbeResult<T>>): Promise<ProbeResult<T>> => {
    const startedMs = performance.now();
    const result = await withLimit(probe);
    onProbed(name, performance.now() - startedMs);
    return result;
  };
  const databaseProbe = timed('database', () => probeDatabase(config, number));
  const numbers = databaseProbe.then((database) =>
    number === null && database.kind === 'ok' ? database.value.numbers.map((known) => known.number) : [number ?? ''],
  );
  const serviceProbe = timed('service', () => probeService(config));
  const [database, twilio, livekit, service, webhook, deepgram, openai] = await Promise.all([
    databaseProbe,
    timed('Twilio', () => probeTwilio(config, numbers)),
    timed('LiveKit', () => probeLivekit(config)),
    serviceProbe,
    timed('webhook', async () => probeWebhook(config, await serviceProbe)),
    timed('Deepgram', () => probeDeepgram(config)),
    timed('OpenAI', () => probeOpenai(config)),
  ]);
  return { database, twilio, livekit, service, webhook, deepgram, openai };
};

const withLimit = async <T>(probe: () => Promise<ProbeResult<T>>): Promise<ProbeResult<T>> => {
  try {
    return await withTimeLimit(limitMs, probe(), () => new Error(`no result within ${limitMs / 1000} s`));
  } catch (error) {
    return probeFailed('probe_failed', `The check failed: ${errorSentence(error)}`, 'Check again.');
  }
};

const databaseFixes: Partial<Record<FindingCode, string>> = {
  schema_ahead: 'Use the version that applied the migrations, or a newer one.',
  database_unusable: 'Make sure the database is running, and DATABASE_URL is correct.',
};

const probeDatabase = async (config: Config, requested: string | null): Promise<ProbeResult<DatabaseState>> => {
  try {
    const pending = await pendingMigrations(config.databaseUrl);
    if (pending.length > 0) return behind(pending);
    await using db = await openDb(config.databaseUrl);
    return probed(await readDatabase(db, requested));
  } catch (error) {
    const code = error instanceof AppError && error.code === 'schema_ahead' ? 'schema_ahead' : 'database_unusable';
    return probeFailed(code, errorSentence(error), databaseFixes[code] ?? null);
  }
};

const behind = (pending: readonly string[]): ProbeResult<never> => {
  const names = pending.length > 3 ? `${pending.length} migrations` : pending.join(', ');
  return probeFailed(
    'schema_behind',
    `The database schema is out of date. Not applied yet: ${names}.`,
    'npm run cli -- db:migrate',
  );
};

const readDatabase = async (db: Db, requested: string | null): Promise<DatabaseState> => {
  const all = await allTrunkNumbers(db);
  const checked = requested === null ? all.filter(({ isActive }) => isActive).map(({ number }) => number) : [requested];
  const numbers: NumberState[] = [];
  for (const number of checked) numbers.push(await readNumber(db, number));
  return { numbers, all, hasSeveralTenants: (await findTenants(db, null, 2)).length > 1 };
};

const readNumber = async (db: Db, number: string): Promise<NumberState> => {
  const facts = await loadRouteFacts(db, { number, caller: null, now: new Date() });
  if (facts === null) return { number, record: null };
  return { number, record: { facts, editable: await findEditable(db, facts.number.id) } };
};

/** Shorter than the defaults: nothing is lost when a check gives up early. */
const twilioLimits = { timeoutMs: 8_000, maxRetries: 1, maxWaitMs: 3_000 };

const probeTwilio = async (config: Config, checked: Promise<readonly string[]>): Promise<ProbeResult<TwilioState>> => {
  if (config.twilio === null)
    return probeFailed(
      'twilio_not_configured',
      'TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set.',
      'Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to the values in the Twilio console.',
    );
  try {
    const twilio = openTwilio(config.twilio, twilioLimits);
    const owned = await twilio.listNumbers();
    const numbers = await checked;
    const trunks = owned.filter(({ number }) => numbers.includes(number)).flatMap(({ trunkSid }) => trunkSid ?? []);
    const originations = await Promise.all(
      [...new Set(trunks)].map(async (sid) => [sid, await twilio.listOriginations(sid)] as const),
    );
    return probed({ accountSid: twilio.accountSid, owned, originations: Object.fromEntries(originations) });
  } catch (error) {
    const isRefused = error instanceof AppError && error.code === 'twilio_refused';
    return isRefused
      ? probeFailed('twilio_refused', errorSentence(error), 'Correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.')
      : probeFailed(
          'twilio_unavailable',
          errorSentence(error),
          'Check again later; https://status.twilio.com reports outages.',
        );
  }
};

const probeLivekit = async ({ livekit }: Config): Promise<ProbeResult<SipState>> => {
  if (livekit === null)
    return probeFailed(
      'livekit_not_configured',
      'LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set.',
      'Set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET to the values of your LiveKit project.',
    );
  const sip = openSip(livekit);
  try {
    const [trunks, rules] = await Promise.all([sip.trunks(), sip.rules()]);
    return probed({ trunks, rules });
  } catch (error) {
    const { status } = { status: null, ...(error instanceof Error && error.cause instanceof Error && error.cause) };
    const sentence = errorSentence(error);
    if (status === 401)
      return probeFailed(
        'livekit_key_refused',
        sentence,
        'Set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a key pair of the project.',
      );
    const redisFix = 'Configure Redis for your LiveKit server (redis.address): SIP trunks require it.';
    const fix = /redis|not connected/i.test(sentence)
      ? redisFix
      : 'Make sure LIVEKIT_URL is correct and the server is running.';
    return probeFailed('livekit_unavailable', sentence, fix);
  }
};
