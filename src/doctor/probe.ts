/** Looks at everything outside, all at once. What can't be seen doesn't hide the rest, and nothing is waited for without end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { pendingMigrations } from '../database/migrate.ts';
import { openDb, type Db } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { openSip } from '../livekit/sip.ts';
import type { SipState } from '../livekit/sync.ts';
import { allTrunkNumbers } from '../numbers/store.ts';
import { loadRouteFacts } from '../routing/store.ts';
import { findTenants } from '../tenants/store.ts';
import { openTwilio } from '../twilio/client.ts';
import { failed, seen, sentenceOf, type Code, type Look } from './check.ts';
import { lookAtDeepgram, lookAtOpenai, lookAtService } from './probe-http.ts';
import { lookAtWebhook } from './probe-webhook.ts';
import type { DatabaseSeen, NumberSeen, Seen, TwilioSeen } from './probe-results.ts';
import { findEditable } from './store.ts';

/** No look takes longer, whatever happens; their own limits are shorter. */
const limitMs = 30_000;

export type LookOptions = Readonly<{
  /** In E.164; null: every active number. */
  number: string | null;
  /** Hears of every look that is done, and how long it took. */
  onLooked: (name: string, ms: number) => void;
}>;

/** Looks at all of it. Changes nothing, but that a room of LiveKit is made and deleted. Never throws for what it sees. */
export const look = async (config: Config, { number, onLooked }: LookOptions): Promise<Seen> => {
  const one = async <T>(name: string, work: () => Promise<Look<T>>): Promise<Look<T>> => {
    const startedMs = performance.now();
    const result = await bounded(work);
    onLooked(name, performance.now() - startedMs);
    return result;
  };
  const databaseLook = one('database', () => lookAtDatabase(config, number));
  const judged = databaseLook.then((database) =>
    number === null && database.kind === 'seen' ? database.value.numbers.map((known) => known.number) : [number ?? ''],
  );
  const serviceLook = one('service', () => lookAtService(config));
  const [database, twilio, livekit, service, webhook, deepgram, openai] = await Promise.all([
    databaseLook,
    one('Twilio', () => lookAtTwilio(config, judged)),
    one('LiveKit', () => lookAtLivekit(config)),
    serviceLook,
    one('webhook', async () => lookAtWebhook(config, await serviceLook)),
    one('Deepgram', () => lookAtDeepgram(config)),
    one('OpenAI', () => lookAtOpenai(config)),
  ]);
  return { database, twilio, livekit, service, webhook, deepgram, openai };
};

/** What fails in a way that nobody thought of is a finding as well. */
const bounded = async <T>(work: () => Promise<Look<T>>): Promise<Look<T>> => {
  const stop = new AbortController();
  const late = sleep(limitMs, null, { signal: stop.signal }).then(
    () => failed('look_failed', `It took longer than ${limitMs / 1000} s.`, 'try again'),
    () => failed('look_failed', 'It was not waited for.', null), // stopped: the work was quicker
  );
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    return failed('look_failed', `It could not be looked at: ${sentenceOf(error)}`, 'try again');
  } finally {
    stop.abort();
  }
};

const databaseMends: Partial<Record<Code, string>> = {
  schema_ahead: 'start the version that made the migrations, or a newer one',
  database_unusable: 'put an address into DATABASE_URL that answers',
};

const lookAtDatabase = async (config: Config, asked: string | null): Promise<Look<DatabaseSeen>> => {
  try {
    const pending = await pendingMigrations(config.databaseUrl);
    if (pending.length > 0) return behind(pending);
    await using db = await openDb(config.databaseUrl);
    return seen(await readDatabase(db, asked));
  } catch (error) {
    const code = error instanceof AppError && error.code === 'schema_ahead' ? 'schema_ahead' : 'database_unusable';
    return failed(code, sentenceOf(error), databaseMends[code] ?? null);
  }
};

const behind = (pending: readonly string[]): Look<never> => {
  const names = pending.length > 3 ? `${pending.length} migrations` : pending.join(', ');
  return failed('schema_behind', `The database's schema is behind: it lacks ${names}.`, 'npm run cli -- db:migrate');
};

const readDatabase = async (db: Db, asked: string | null): Promise<DatabaseSeen> => {
  const all = await allTrunkNumbers(db);
  const judged = asked === null ? all.filter(({ isActive }) => isActive).map(({ number }) => number) : [asked];
  const numbers: NumberSeen[] = [];
  for (const number of judged) numbers.push(await readNumber(db, number));
  return { numbers, all, hasSeveralTenants: (await findTenants(db, null, 2)).length > 1 };
};

const readNumber = async (db: Db, number: string): Promise<NumberSeen> => {
  const facts = await loadRouteFacts(db, { number, caller: null, now: new Date() });
  if (facts === null) return { number, record: null };
  return { number, record: { facts, editable: await findEditable(db, facts.number.id) } };
};

/** Shorter than for commands that change something: these are tried again. */
const twilioLimits = { timeoutMs: 8_000, maxRetries: 1, maxWaitMs: 3_000 };

const lookAtTwilio = async (config: Config, judged: Promise<readonly string[]>): Promise<Look<TwilioSeen>> => {
  if (config.twilio === null)
    return failed(
      'twilio_not_configured',
      'Twilio can not be asked: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set.',
      "set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, from the account's page in the Twilio console",
    );
  try {
    const twilio = openTwilio(config.twilio, twilioLimits);
    const owned = await twilio.listNumbers();
    const numbers = await judged;
    const trunks = owned.filter(({ number }) => numbers.includes(number)).flatMap(({ trunkSid }) => trunkSid ?? []);
    const originations = await Promise.all(
      [...new Set(trunks)].map(async (sid) => [sid, await twilio.listOriginations(sid)] as const),
    );
    return seen({ accountSid: twilio.accountSid, owned, originations: Object.fromEntries(originations) });
  } catch (error) {
    const isRefused = error instanceof AppError && error.code === 'twilio_refused';
    return isRefused
      ? failed('twilio_refused', sentenceOf(error), 'put the account’s SID and token into the two variables')
      : failed(
          'twilio_unavailable',
          sentenceOf(error),
          'try again; https://status.twilio.com tells whether it is down',
        );
  }
};

const lookAtLivekit = async ({ livekit }: Config): Promise<Look<SipState>> => {
  if (livekit === null)
    return failed(
      'livekit_not_configured',
      'LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set.',
      'set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET to those of your LiveKit project',
    );
  const sip = openSip(livekit);
  try {
    const [trunks, rules] = await Promise.all([sip.trunks(), sip.rules()]);
    return seen({ trunks, rules });
  } catch (error) {
    const { status } = { status: null, ...(error instanceof Error && error.cause instanceof Error && error.cause) };
    const sentence = sentenceOf(error);
    if (status === 401)
      return failed('livekit_key_refused', sentence, "put the project's own pair into LIVEKIT_API_KEY and _SECRET");
    const redis = 'give your LiveKit server Redis (redis.address): without it there are no SIP trunks';
    const mend = /redis|not connected/i.test(sentence) ? redis : 'put an address into LIVEKIT_URL that answers';
    return failed('livekit_unavailable', sentence, mend);
  }
};
