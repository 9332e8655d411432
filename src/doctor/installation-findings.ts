/** Findings about the installation as a whole, independent of any number. */
import { developmentSecretProblem, isDevelopmentKey, type Config } from '../config.ts';
import { failed, findingOf, ok, skipped, type Finding, type ProbeResult } from './check.ts';
import type { ProbeResults, ProviderAnswer, WebhookDelivery } from './probe-results.ts';

/** @param problems the errors of loadConfig */
export const configurationFindings = (config: Config | null, problems: readonly string[]): Finding[] => {
  const found = [
    ...problems
      .filter((problem) => problem !== developmentSecretProblem)
      .map((problem) => failed('config_invalid', problem, 'Correct it in the environment or in .env.')),
    ...(problems.includes(developmentSecretProblem) || (config !== null && isOpenToAll(config)) ? [secretDefault] : []),
  ];
  return found.length > 0 ? found : [ok('Valid, and the LiveKit secret is not a well-known default.')];
};

const secretDefault = failed(
  'secret_default',
  'LIVEKIT_API_KEY and LIVEKIT_API_SECRET are the well-known development pair: anyone can forge calls and webhooks.',
  'Create your own key pair in LiveKit, and set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to it.',
);

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(host);

/** Whether the secret is public knowledge while the service or its LiveKit server is reachable from other machines. */
const isOpenToAll = ({ livekit, host, publicUrl }: Config): boolean => {
  if (livekit === null || !isDevelopmentKey(livekit)) return false;
  const hosts = [host, ...[livekit.url, publicUrl].flatMap((url) => (url === null ? [] : [new URL(url).hostname]))];
  return !hosts.every(isLoopback);
};

export const databaseFinding = ({ database }: ProbeResults): Finding =>
  database.kind === 'ok' ? ok('Reachable, and its schema is up to date.') : findingOf(database);

/** For a check of all active numbers when there are none. */
export const noNumbers = failed(
  'no_numbers',
  'The database has no active number, so no call is answered.',
  'npm run cli -- import:twilio',
);

const start = 'npm start';

export const serviceFindings = ({ service }: ProbeResults): Finding[] => {
  if (service.kind !== 'ok') return [findingOf(service)];
  const { database, livekit } = service.value;
  const withoutDatabase = failed(
    'service_without_database',
    'The service cannot reach its database.',
    "Correct the service's DATABASE_URL, then restart it.",
  );
  const withoutLivekit = failed(
    'service_without_livekit',
    'The service cannot reach LiveKit.',
    "Correct the service's LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET, then restart it.",
  );
  const problems = [...(database === 'ok' ? [] : [withoutDatabase]), ...(livekit === 'ok' ? [] : [withoutLivekit])];
  return problems.length > 0 ? problems : [ok('Running, and connected to its database and LiveKit.')];
};

export const workerFinding = ({ service }: ProbeResults, agentName: string): Finding => {
  if (service.kind !== 'ok') return skipped('The service does not answer.');
  const { worker, livekit } = service.value;
  if (worker === 'ok') return ok('Registered with LiveKit, and ready to take calls.');
  if (worker === 'warming')
    return failed(
      'worker_warming',
      'Registered with LiveKit, but not ready to take calls yet.',
      "Check again in 10 seconds. If it is still not ready, see the service's log.",
    );
  if (worker === 'draining')
    return failed('worker_draining', 'The service is shutting down and takes no new calls.', start);
  return failed(
    'worker_not_registered',
    `The worker ${agentName} of this service is not registered with LiveKit.`,
    livekit === 'ok' ? `Restart the service: ${start}` : 'Fix the connection from the service to LiveKit, see above.',
  );
};

/** The path that LiveKit's webhooks must be sent to. */
const eventsPath = '/api/v1/webhooks/livekit/events';

export const webhookFinding = (config: Config, { webhook }: ProbeResults): Finding => {
  if (webhook.kind !== 'ok') return findingOf(webhook);
  const { arrived, unproven, waitedMs } = webhook.value;
  const url = `${config.publicUrl ?? ''}${eventsPath}`;
  if (arrived) return ok(`A signed event arrived ${Math.round(waitedMs)} ms after a room was created.`);
  if (unproven !== null) return unprovenFinding(config, unproven, url);
  return failed(
    'webhook_absent',
    `A room was created, but no event about it arrived within ${Math.round(waitedMs / 1000)} s.`,
    `Add ${url} to the webhooks in LiveKit's settings (self-hosted: webhook.urls).`,
  );
};

const unprovenFinding = (config: Config, unproven: NonNullable<WebhookDelivery['unproven']>, url: string): Finding => {
  const key = config.livekit?.apiKey ?? '';
  if (unproven.kind === 'altered')
    return failed(
      'webhook_altered',
      'An event signed with our key arrived, but its body was modified in transit or its timestamp is minutes off.',
      `Make sure that proxies pass requests to ${url} unmodified, and that the clocks of LiveKit and the service agree.`,
    );
  if (unproven.kind === 'another_secret')
    return failed(
      'webhook_key_differs',
      `An event arrived that is signed as ${key}, but not with the secret in LIVEKIT_API_SECRET.`,
      `Set LIVEKIT_API_SECRET to the secret of ${key}, then restart the service.`,
    );
  return failed(
    'webhook_key_differs',
    `An event arrived that is not signed with ${key}, but with ${unproven.issuer ?? 'another key'}.`,
    `Select ${key} as the signing key in LiveKit's webhook settings (self-hosted: webhook.api_key).`,
  );
};

const providers = {
  deepgram: { name: 'Deepgram', key: 'DEEPGRAM_API_KEY', base: 'DEEPGRAM_BASE_URL', console: 'console.deepgram.com' },
  openai: { name: 'OpenAI', key: 'OPENAI_API_KEY', base: 'OPENAI_BASE_URL', console: 'platform.openai.com' },
} as const;

/** Interprets a provider's answer to a request with our key. */
export const providerFinding = (provider: keyof typeof providers, probe: ProbeResult<ProviderAnswer>): Finding => {
  const { name, key, base, console } = providers[provider];
  if (probe.kind !== 'ok') return findingOf(probe);
  const { status } = probe.value;
  if (status === 401)
    return failed(
      'provider_key_refused',
      `${name} rejects the key (401).`,
      `Set ${key} to a valid key from ${console}.`,
    );
  // A key may be limited to speech, and a compatible endpoint may not offer a way to check keys.
  if (status === 403) return ok(`${name} knows the key, but its permissions do not cover this check.`);
  if (status === 404 || status === 405) return skipped(`The endpoint in ${base} has no way to check a key.`);
  if (status < 300) return ok(`${name} accepts the key.`);
  return failed('provider_unavailable', `${name} answered with status ${status}.`, 'Check again in a minute.');
};
