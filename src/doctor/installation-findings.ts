/** What is to be found of the installation as a whole, whichever number is called. */
import { isKnownSecret, weakSecretProblem, type Config } from '../config.ts';
import { findingOf, ok, skipped, wrong, type Finding, type Look } from './check.ts';
import type { ProviderSeen, Seen, WebhookSeen } from './probe-results.ts';

/** @param problems what loadConfig said of the environment */
export const configurationFindings = (config: Config | null, problems: readonly string[]): Finding[] => {
  const found = [
    ...problems
      .filter((problem) => problem !== weakSecretProblem)
      .map((problem) => wrong('config_invalid', problem, 'put that right in the environment or .env')),
    ...(problems.includes(weakSecretProblem) || (config !== null && isOpenToAll(config)) ? [secretDefault] : []),
  ];
  return found.length > 0 ? found : [ok('It can be read, and its LiveKit secret is nobody’s default.')];
};

const secretDefault = wrong(
  'secret_default',
  'LIVEKIT_API_KEY and LIVEKIT_API_SECRET are the well-known development pair: anybody can forge calls and webhooks.',
  'make a key pair of your own in LiveKit, and put it into LIVEKIT_API_KEY and LIVEKIT_API_SECRET',
);

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(host);

/** Whether everybody knows the secret, and the service or its LiveKit can be reached from other machines. */
const isOpenToAll = ({ livekit, host, publicUrl }: Config): boolean => {
  if (livekit === null || !isKnownSecret(livekit)) return false;
  const hosts = [host, ...[livekit.url, publicUrl].flatMap((url) => (url === null ? [] : [new URL(url).hostname]))];
  return !hosts.every(isLoopback);
};

export const databaseFinding = ({ database }: Seen): Finding =>
  findingOf(database) ?? ok('It answers, and its schema is up to date.');

/** Where no number was asked about and none is active. */
export const noNumbers = wrong(
  'no_numbers',
  'No number in the database is active: no call is answered.',
  'npm run cli -- import:twilio',
);

const restart = 'npm start';

export const serviceFindings = ({ service }: Seen): Finding[] => {
  if (service.kind !== 'seen') return [findingOf(service) ?? ok('')];
  const { database, livekit } = service.value;
  const problems = [
    ...(database === 'ok'
      ? []
      : [
          wrong(
            'service_without_database',
            "Its database doesn't answer it.",
            'give the service a DATABASE_URL that answers, and start it again',
          ),
        ]),
    ...(livekit === 'ok'
      ? []
      : [
          wrong(
            'service_without_livekit',
            "LiveKit doesn't answer it.",
            'give the service a LIVEKIT_URL with key and secret that answer, and start it again',
          ),
        ]),
  ];
  return problems.length > 0 ? problems : [ok('It answers.')];
};

export const workerFinding = ({ service }: Seen, agentName: string): Finding => {
  if (service.kind !== 'seen') return skipped('The service has to answer first.');
  const { worker, livekit } = service.value;
  if (worker === 'ok') return ok(`It is registered, and a call process is ready.`);
  if (worker === 'warming')
    return wrong(
      'worker_warming',
      'It is registered, but no call process has been ready yet.',
      "wait ten seconds and look again; if it stays so, the service's log says why",
    );
  if (worker === 'draining')
    return wrong('worker_draining', 'The service is stopping and takes no more calls.', restart);
  return wrong(
    'worker_not_registered',
    `No agent ${agentName} of this service is registered with LiveKit.`,
    livekit === 'ok' ? `start the service again: ${restart}` : "put right the service's way to LiveKit, see above",
  );
};

/** Where LiveKit's webhooks have to go. */
export const eventsPath = '/api/v1/webhooks/livekit/events';

export const webhookFinding = (config: Config, { webhook }: Seen): Finding => {
  if (webhook.kind !== 'seen') return findingOf(webhook) ?? ok('');
  const { arrived, unproven, waitedMs } = webhook.value;
  const url = `${config.publicUrl ?? ''}${eventsPath}`;
  if (arrived) return ok(`A new room's event came after ${Math.round(waitedMs)} ms, with our signature.`);
  if (unproven !== null) return unprovenFinding(config, unproven, url);
  return wrong(
    'webhook_absent',
    `A room was made, and no event of it came within ${Math.round(waitedMs / 1000)} s.`,
    `put ${url} into LiveKit's settings under webhooks (a LiveKit of your own: webhook.urls)`,
  );
};

const unprovenFinding = (config: Config, unproven: NonNullable<WebhookSeen['unproven']>, url: string): Finding => {
  const key = config.livekit?.apiKey ?? '';
  if (unproven.kind === 'altered')
    return wrong(
      'webhook_altered',
      'An event came with our key, but its body was changed on the way, or its time is off by minutes.',
      `let proxies pass ${url} on unchanged, and set the clocks of LiveKit and the service`,
    );
  const signedBy =
    unproven.kind === 'another_secret'
      ? `the key ${key}, but with another secret than LIVEKIT_API_SECRET`
      : `another key than ${key}${unproven.issuer === null ? '' : `: ${unproven.issuer}`}`;
  return wrong(
    'webhook_key_differs',
    `An event came that is signed with ${signedBy}.`,
    unproven.kind === 'another_secret'
      ? `put the secret of ${key} into LIVEKIT_API_SECRET, and start the service again`
      : `let LiveKit sign its webhooks with the key ${key} (settings under webhooks; a LiveKit of your own: webhook.api_key)`,
  );
};

const providers = {
  deepgram: { name: 'Deepgram', key: 'DEEPGRAM_API_KEY', base: 'DEEPGRAM_BASE_URL', console: 'console.deepgram.com' },
  openai: { name: 'OpenAI', key: 'OPENAI_API_KEY', base: 'OPENAI_BASE_URL', console: 'platform.openai.com' },
} as const;

/** What a provider's answer about the key means. */
export const providerFinding = (which: keyof typeof providers, look: Look<ProviderSeen>): Finding => {
  const { name, key, base, console } = providers[which];
  if (look.kind !== 'seen') return findingOf(look) ?? ok('');
  const { status } = look.value;
  if (status === 401)
    return wrong('provider_key_refused', `${name} refuses the key (401).`, `put a key of ${console} into ${key}`);
  // A key may be good for speech only, and an endpoint of one's own may not tell of keys at all.
  if (status === 403) return ok(`${name} knows the key, which may not be asked about itself.`);
  if (status === 404 || status === 405) return skipped(`What answers at ${base} doesn't tell whether the key is good.`);
  if (status < 300) return ok(`${name} takes the key.`);
  return wrong('provider_unavailable', `${name} answered ${status}.`, 'try again in a minute');
};
