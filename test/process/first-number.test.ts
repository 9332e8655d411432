/**
 * The README's "Your first number" step by step: from an empty database to an answered call, with commands and the API alone.
 * Twilio is a loopback server, the providers are simulated, everything else is real; LiveKit's own dispatch rule routes the call.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { closeRtc, dial } from '#src/simulators/caller/caller.ts';
import { obtainLivekitServer, startLivekitServer } from '#src/local/livekit/server.ts';
import { startProviders } from '#src/simulators/providers/server.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { npm, survivorsOf, type Started } from '#test/support/npm.ts';
import { obtainRedis, startRedis } from '#test/support/redis.ts';
import { obtainSipRoute, sipRoute } from '#test/support/sip-route.ts';
import { startTwilioServer } from '#test/support/twilio-server.ts';

const root = join(import.meta.dirname, '../..');
const progress = (line: string): void => console.log(line);
beforeAll(async () => {
  await obtainRedis(progress);
  await obtainSipRoute(progress);
}, 600_000);

const line = 'Hello, what can you do for me?';
const answer = 'I can tell you when we are open.';
const scenario = { name: 'desk', caller: [line], replies: [{ when: 'do for me', say: answer }], repeat: true };

const admin = { email: 'you@example.com', password: 'correct horse battery' };
const owner = { email: 'owner@example.com', password: 'staple another battery' };
const number = '+18588796658';
const caller = '+15551234567';

/** What the reader has before the first step: accounts at LiveKit, Twilio, Deepgram and OpenAI, and an `.env` with their keys. */
const openAccounts = async () => {
  const stack = new AsyncDisposableStack();
  onTestFinished(async () => {
    await stack.disposeAsync();
    await closeRtc();
  });
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-first-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const redis = stack.use(await startRedis());
  const binary = await obtainLivekitServer({ env: process.env, progress });
  const webhookUrl = `${url}/api/v1/webhooks/livekit/events`;
  const livekit = stack.use(await startLivekitServer({ binary, webhookUrl, redisUrl: redis.url }));
  const providers = stack.use(await startProviders({ scenarios: [scenario] }));
  const twilio = stack.use(await startTwilioServer());
  twilio.addNumber(number);
  const env: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: url,
    DATABASE_URL: `file:${join(folder, 'first.db')}`,
    VOICE_DIR: join(folder, 'voices'),
    JWT_SECRET: 'a secret of this installation, long enough to be one',
    LIVEKIT_URL: livekit.url,
    LIVEKIT_API_KEY: livekit.apiKey,
    LIVEKIT_API_SECRET: livekit.apiSecret,
    LIVEKIT_SIP_URI: 'sip:clinic.sip.livekit.cloud',
    DEEPGRAM_API_KEY: 'deepgram-key',
    DEEPGRAM_BASE_URL: providers.deepgramUrl,
    OPENAI_API_KEY: 'openai-key',
    OPENAI_BASE_URL: providers.openaiUrl,
    IDLE_PROCESSES: '1',
    LOG_LEVEL: 'warn',
    ...twilio.env,
  };
  return { env, url, livekit, redisAddress: redis.address, twilio };
};

/** Takes steps, and records them as the README writes them. */
const openSteps = (env: Record<string, string | undefined>, url: string) => {
  const taken: string[] = [];
  const session = { token: '', tenant: '' };
  return {
    taken,
    session,
    /** Runs a command and returns its output. `input` goes to its standard input. */
    cli: async (typed: string[], expected: { code?: number; input?: string } = {}): Promise<string> => {
      taken.push(`npm run cli -- ${typed.filter((part, index) => index === 0 || part === '--yes').join(' ')}`);
      const child = spawn('npm', ['run', '--silent', 'cli', '--', ...typed], { cwd: root, env });
      child.stdin.end(expected.input ?? '');
      const exited = once(child, 'exit') as Promise<[number | null]>;
      const [out, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
      expect(code, `${typed.join(' ')}\n${out}${stderr}`).toBe(expected.code ?? 0);
      return out;
    },
    /** Sends a request to the API. `answer` parses the response. */
    api: async <T>(method: string, path: string, answer: z.ZodType<T>, body?: object): Promise<T> => {
      const shape = path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '…').replace(/\?.*/, '');
      taken.push(`api ${method} ${shape}`);
      const headers = {
        ...(session.token !== '' && { authorization: `Bearer ${session.token}` }),
        ...(session.tenant !== '' && { 'x-tenant-id': session.tenant }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      };
      const sent = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
      const response = await fetch(`${url}/api/v1/${path}`, sent);
      const said = await response.text();
      expect(response.ok, `${method} ${path}: ${response.status} ${said}`).toBe(true);
      return answer.parse(JSON.parse(said));
    },
    /** `npm start`; waits until the health check says that calls can be answered. */
    start: async (): Promise<Started> => {
      taken.push('npm start');
      const started = npm(['start'], env);
      const health = () =>
        fetch(`${url}/api/v1/webhooks/health`).then(
          ({ status }) => status,
          () => null,
        );
      await expect.poll(health, { timeout: 60_000, interval: 200, message: started.output() }).toBe(200);
      return started;
    },
  };
};

const stop = async (service: Started): Promise<void> => {
  service.family();
  service.child.kill('SIGTERM');
  expect(await service.exited, service.output()).toBe(0);
  expect(await survivorsOf(service)).toEqual([]);
};

/** The guide's steps: each line of its code that is a command, a start or a request. */
const stepsOfGuide = async (): Promise<string[]> => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const [, guide = ''] = readme.split('\n## Your first number\n');
  const [section = ''] = guide.split('\n## ');
  const step = /^ *(npm run cli -- \S+(?: --yes)?|npm start|api [A-Z]+ \S+)/gm;
  return [...section.matchAll(step)].map(([, typed = '']) => typed.replaceAll(/\$[A-Z]+/g, '…'));
};

const made = z.object({ id: z.string() });
const login = z.object({ access_token: z.string() });
const published = z.object({
  campaign: z.object({ status: z.string(), published_version: z.object({ id: z.string(), number: z.number() }) }),
  sample: z.object({ prompt: z.string(), greeting: z.string() }),
});
const numbers = z.object({
  items: z.array(z.looseObject({ id: z.string(), number: z.string(), version: z.number() })),
});
const calls = z.object({ items: z.array(z.object({ id: z.string(), phone_number: z.string() })) });
const record = z.looseObject({ lead_id: z.string(), turns: z.array(z.object({ role: z.string(), text: z.string() })) });

test('your first number: from an empty database to an answered call', async () => {
  const { env, url, livekit, redisAddress, twilio } = await openAccounts();
  const { taken, session, cli, api, start } = openSteps(env, url);

  // The service and its admin.
  await cli(['db:migrate']);
  await cli(['admin:create', '--email', admin.email, '--password-stdin'], { input: admin.password });
  const first = await start();

  // A tenant and its owner.
  session.token = (await api('POST', 'auth/login', login, admin)).access_token;
  session.tenant = (await api('POST', 'tenants', made, { name: 'Bright Smile Dental' })).id;
  await api('POST', 'users', made, { ...owner, role: 'owner' });
  session.token = (await api('POST', 'auth/login', login, owner)).access_token;

  // The agent's instructions and greeting.
  const { id: campaignId } = await api('POST', 'campaigns', made, {
    name: 'Front desk',
    draft: {
      prompt: 'You are the {{campaign.name}} of {{tenant.name}}. It is {{now}}. {{caller.number}} calls.',
      greeting: 'Thank you for calling {{tenant.name}}. How can I help?',
    },
  });
  const { campaign, sample } = await api('POST', `campaigns/${campaignId}/publish`, published, {});
  expect(campaign).toMatchObject({ status: 'active', published_version: { number: 1 } });
  expect(sample.prompt).toContain('You are the Front desk of Bright Smile Dental.');

  // The number and its campaign.
  expect(await cli(['import:twilio'])).toContain(`${number}      created`);
  const { items } = await api('GET', 'phone-numbers', numbers);
  const [imported] = items;
  expect([items.length, imported?.number]).toEqual([1, number]);
  const assigned = { campaign_id: campaignId, is_active: true, version: imported?.version ?? -1 };
  await api('PATCH', `phone-numbers/${imported?.id ?? ''}`, made, assigned);

  // Twilio sends its calls to LiveKit, and LiveKit dispatches our agent. Each command first shows what it would do.
  expect(await cli(['setup:twilio'])).toContain('Nothing was changed. Add --yes to make these changes.');
  expect(await cli(['setup:twilio', '--yes'])).toContain('Done.');
  expect(twilio.numbers).toMatchObject([{ trunk_sid: twilio.trunks[0]?.sid, voice_url: '' }]);
  expect(twilio.originations).toMatchObject([
    { sip_url: env.LIVEKIT_SIP_URI, priority: 10, weight: 10, enabled: true },
  ]);
  expect(await cli(['sync:livekit'], { code: 2 })).toContain('Add --yes to make these changes.');
  const synced = await cli(['sync:livekit', '--yes']);
  const [, trunkId] = /LIVEKIT_INBOUND_TRUNK_ID=(ST_\w+)/.exec(synced) ?? [];
  expect(trunkId, synced).toBeDefined();
  await stop(first);
  env.LIVEKIT_INBOUND_TRUNK_ID = trunkId;
  const service = await start();

  // Will it be answered?
  const explained = await cli(['route:explain', '--to', number, '--from', caller]);
  expect(explained).toContain('telephony-agent answers the call.');
  expect(explained).toContain('Greeting: Thank you for calling Bright Smile Dental. How can I help?');
  expect(await cli(['check:inbound'])).toContain(number);
  const checked = await cli(['check:campaign', 'Front desk']);
  expect(checked).toContain('All steps succeeded.');

  // A caller dials.
  const route = await sipRoute({ redisAddress, ...livekit }, { from: caller, to: number });
  expect(route).toMatchObject({ result: 'ACCEPT', trunkId });
  await using phone = await dial({ ...livekit, ...route, from: caller, to: number });
  await phone.whenAgentSpeaks({ timeoutMs: 20_000, since: phone.dialedAt });
  await phone.whenAgentQuiet({ quietMs: 900, timeoutMs: 20_000 });
  const { lastSampleAt } = await phone.say(line);
  await phone.whenAgentSpeaks({ timeoutMs: 15_000, since: lastSampleAt });
  await phone.whenAgentQuiet({ quietMs: 900, timeoutMs: 20_000 });
  expect(phone.audioIn.clippedMs()).toBe(0);
  await phone.hangUp();

  // The call's records.
  const listed = await api('GET', `calls?phone_number=${encodeURIComponent(caller)}`, calls);
  expect(listed.items.length).toBe(1);
  const look = () => api('GET', `calls/${listed.items[0]?.id ?? ''}`, record);
  await expect.poll(async () => (await look()).status, { timeout: 20_000, interval: 500 }).toBe('completed');
  const call = await look();
  expect(call).toMatchObject({
    end_reason: 'caller_hangup',
    dialed_number: number,
    campaign_id: campaignId,
    campaign_version_id: campaign.published_version.id,
    agent_name: 'telephony-agent',
    call_sid: route.callId,
  });
  expect(call.turns.map(({ role, text: said }) => [role, said])).toEqual([
    ['agent', 'Thank you for calling Bright Smile Dental. How can I help?'],
    ['caller', line],
    ['agent', answer],
  ]);
  const lead = await api('GET', `leads/${call.lead_id}`, z.looseObject({}));
  expect(lead).toMatchObject({ phone_number: caller, status: 'completed', attempts: 1, campaign_id: campaignId });
  await stop(service);

  // The guide has the same steps in the same order; a request that is polled counts once.
  expect(await stepsOfGuide()).toEqual(taken.filter((step, index) => step !== taken[index - 1]));
}, 240_000);
