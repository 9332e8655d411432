/** Synthesizes the speech of all campaigns before their phones ring: one request at a time, so that calls don't notice. */
import type { Speech } from '../protocol/speech-request.ts';
import { defaultSettings } from './campaign.ts';
import { listSpeaking, type Speaking } from './store.ts';
import type { Context } from '../context.ts';
import { describeError } from '../errors.ts';
import { identityOf } from '../speech-cache/speech.ts';
import { synthesize } from '../speech-cache/synthesize.ts';
import { leadInSpeechesOf, retryAfterMs, speechesOf } from './speeches.ts';

type PrepareContext = Pick<Context, 'db' | 'config' | 'log' | 'now' | 'speechCache' | 'busy'>;

/** Speech that was unused for this long is deleted. */
const unusedMs = 30 * 86_400_000;
const campaignsAtOnce = 50;
/** After this many consecutive failures the round ends. */
const maxFailures = 3;

/**
 * Returns a function that runs one round: it synthesizes what is missing, records what is used and deletes what isn't. A round ends
 * early when `signal` is aborted and while the service is draining or at capacity.
 */
export const openPreparation = (ctx: PrepareContext): ((signal: AbortSignal) => Promise<void>) => {
  const failed = trackFailures(ctx);
  return async (signal) => {
    await ctx.speechCache.scan(ctx.now());
    const seen = new Set<string>();
    let failures = 0;
    for await (const speech of wantedSpeech(ctx)) {
      if (signal.aborted || ctx.busy() !== null || failures >= maxFailures) return;
      const identity = identityOf(speech, ctx.config[speech.voice.provider].baseUrl);
      if (seen.has(identity)) continue;
      seen.add(identity);
      if (ctx.speechCache.pathOf(identity) !== null) await ctx.speechCache.touch(identity, ctx.now());
      else if (failed.mayTry(identity)) {
        const problem = await prepare(ctx, speech, identity, signal);
        if (signal.aborted) return;
        failures = problem === null ? 0 : failures + 1;
        if (problem === null) failed.forget(identity);
        else failed.record(identity, speech, problem);
      }
    }
    const deleted = await ctx.speechCache.sweep(unusedMs, ctx.now());
    if (deleted > 0) ctx.log.info({ deleted }, 'unused speech deleted');
  };
};

/** The speech of calls without a campaign, then of each campaign, and last the lead-in phrases. */
async function* wantedSpeech({ db }: PrepareContext): AsyncGenerator<Speech> {
  const leadIns = new Map(leadInSpeechesOf(defaultSettings).map((speech) => [JSON.stringify(speech), speech]));
  yield* speechesOf(defaultSettings, { tenantName: '', numbers: [] });
  let afterId: string | null = null;
  for (;;) {
    const page: Speaking[] = await listSpeaking(db, afterId, campaignsAtOnce);
    for (const { settings, tenantName, numbers } of page) {
      yield* speechesOf(settings, { tenantName, numbers });
      for (const speech of leadInSpeechesOf(settings)) leadIns.set(JSON.stringify(speech), speech);
    }
    if (page.length < campaignsAtOnce) break;
    afterId = page.at(-1)?.id ?? null;
  }
  yield* leadIns.values();
}

/** Null, or why the speech could not be prepared. */
const prepare = async (
  { config, speechCache, now }: PrepareContext,
  speech: Speech,
  identity: string,
  signal: AbortSignal,
): Promise<string | null> => {
  const made = await synthesize(config, speech, signal);
  if (made.kind === 'failed') return made.detail;
  try {
    await speechCache.put(identity, made.pcm, now());
    return null;
  } catch (err) {
    return describeError(err); // the disk is full, or the folder isn't writable
  }
};

/** Remembers what failed: it is logged once, and tried again less and less often. */
const trackFailures = ({ log, now }: PrepareContext) => {
  const known = new Map<string, { failures: number; retryAt: number }>();
  return {
    mayTry: (identity: string): boolean => (known.get(identity)?.retryAt ?? 0) <= now().getTime(),
    forget: (identity: string): void => void known.delete(identity),
    record: (identity: string, { voice, text }: Speech, problem: string): void => {
      const failures = (known.get(identity)?.failures ?? 0) + 1;
      known.set(identity, { failures, retryAt: now().getTime() + retryAfterMs(failures) });
      if (failures === 1) log.warn({ ...voice, problem, pii: { text } }, 'speech could not be prepared');
    },
  };
};
