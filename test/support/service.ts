/** A whole service on a real LiveKit server, with signed webhooks and audio; only the providers are simulated. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { callWithRecords } from '#src/calls/store.ts';
import { defaultSystemMessages, defaultSettings, voiceOf } from '#src/campaigns/campaign.ts';
import { loadConfig, requireCallConfig } from '#src/config.ts';
import { dial, type Caller, type DialOptions } from '#src/simulators/caller/caller.ts';
import type { LivekitAccess } from '#src/simulators/caller/sip-participant.ts';
import { startProviders, type Providers, type ScenarioInput } from '#src/simulators/providers/server.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { obtainLivekitServer, startLivekitServer } from '#src/local/livekit/server.ts';
import type { Env } from '#src/local/dev-stack.ts';
import { startService, type Service } from '#src/service.ts';
import type { Admission } from '#src/worker/admission.ts';
import { identityOf } from '#src/speech-cache/speech.ts';
import { seedTenant } from './context.ts';
import { relayWebhooks, sharedLivekit } from './livekit.ts';
import { openLivekitProject, type LivekitProject } from './livekit-project.ts';

export const dialed = '+18588796658';
export const callerNumber = '+15551234567';

export type TestService = Service &
  Readonly<{
    /** The environment that the service was configured with. */
    env: Env;
    /** Unique, since LiveKit distributes calls by it. */
    agentName: string;
    /** The LiveKit server itself, which callers connect to. */
    livekit: LivekitAccess;
    /** What the service sees of that server. */
    project: LivekitProject;
    providers: Providers;
    /** Places a call, which ends when the test does. */
    phone: (options?: Partial<DialOptions>) => Promise<Caller>;
    /** What a call to this service is dialed with, for callers in other processes. */
    dialing: () => LivekitAccess & { room: string; from: string; to: string };
    /** Changes the campaign of the only number, for the rest of the file. */
    setCampaign: (data: Record<string, unknown>) => Promise<void>;
  }>;

type TestServiceOptions = {
  /** Overrides the service's environment. */
  env?: Env;
  campaign?: Record<string, unknown>;
  /** Gives the service a LiveKit server of its own, which then supports SIP trunks and dispatch rules. */
  redisUrl?: string;
};

/** Starts a service with one tenant, whose number has a campaign, on the LiveKit server of the run. */
export const startTestService = async (options: TestServiceOptions = {}): Promise<TestService> => {
  await using stack = new AsyncDisposableStack();
  const port = await freePort();
  const { livekit, roomPrefix } = await livekitFor(port, options.redisUrl, stack);
  const project = stack.use(await openLivekitProject(livekit, roomPrefix));
  const providers = stack.use(await startProviders());
  const agentName = `telephony-agent-${crypto.randomUUID().slice(0, 8)}`;
  const env = {
    ...(await environmentOf(stack, port, providers)),
    LIVEKIT_URL: project.url,
    LIVEKIT_API_KEY: livekit.apiKey,
    LIVEKIT_API_SECRET: livekit.apiSecret,
    AGENT_NAME: agentName,
    ...options.env,
  };
  const config = requireCallConfig(loadConfig(env));
  const service = stack.use(await startService({ config, env: process.env, admission: admitAll }));
  const { campaign } = await seedTenant(service.ctx.db, { campaign: { ...plain, agentName, ...options.campaign } });
  await service.ready;
  await untilPrepared(
    service,
    Object.values(defaultSystemMessages).filter((text) => text !== ''),
  );
  const dialing = () => ({ ...livekit, room: `${roomPrefix}${crypto.randomUUID()}`, from: callerNumber, to: dialed });
  const started = stack.move();
  return {
    ...service,
    env,
    agentName,
    livekit,
    project,
    providers,
    dialing,
    phone: async (given = {}) => {
      const caller = await dial({ ...dialing(), ...given });
      onTestFinished(() => caller[Symbol.asyncDispose]());
      return caller;
    },
    setCampaign: async (data) => {
      await service.ctx.db.campaign.update({ where: { id: campaign?.id ?? '' }, data });
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
};

/** The shared server, whose webhooks about this service's rooms go to `port`; a separate one when it needs Redis. */
const livekitFor = async (port: number, redisUrl: string | undefined, stack: AsyncDisposableStack) => {
  const webhookUrl = `http://127.0.0.1:${port}/api/v1/webhooks/livekit/events`;
  if (redisUrl !== undefined) {
    const binary = await obtainLivekitServer({ env: process.env, progress: () => undefined });
    const { url, apiKey, apiSecret } = stack.use(await startLivekitServer({ binary, webhookUrl, redisUrl }));
    return { livekit: { url, apiKey, apiSecret }, roomPrefix: '' };
  }
  const roomPrefix = `sip-room-${crypto.randomUUID().slice(0, 8)}-`;
  stack.use(await relayWebhooks(roomPrefix, webhookUrl));
  const { url, apiKey, apiSecret } = sharedLivekit();
  return { livekit: { url, apiKey, apiSecret }, roomPrefix };
};

const environmentOf = async (stack: AsyncDisposableStack, port: number, providers: Providers) => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-test-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LOCAL_MODE: '1',
    LOG_LEVEL: 'warn',
    HOST: '127.0.0.1',
    PORT: String(port),
    DATABASE_URL: `file:${join(folder, 'test.db')}`,
    VOICE_DIR: join(folder, 'voices'),
    DEEPGRAM_API_KEY: 'simulated',
    DEEPGRAM_BASE_URL: providers.deepgramUrl,
    OPENAI_API_KEY: 'simulated',
    OPENAI_BASE_URL: providers.openaiUrl,
    IDLE_PROCESSES: '1',
  };
};

/** Test, callers and simulators share the service's event loop: how busy that is says nothing about the service. */
export const admitAll: Admission = { problem: () => null, [Symbol.dispose]: () => undefined };

/** Waits until these texts are spoken in the default voice. */
export const untilPrepared = async (
  { ctx: { speechCache, config } }: Service,
  texts: readonly string[],
): Promise<void> => {
  const voice = voiceOf(defaultSettings);
  const isMissing = (text: string) => speechCache.pathOf(identityOf({ voice, text }, config.openai.baseUrl)) === null;
  for (const until = Date.now() + 60_000; texts.some(isMissing); await sleep(50))
    if (Date.now() > until) throw new Error('the system messages are not prepared');
};

const plain = { prompt: 'You answer the phone of {{campaign.name}} for {{caller.number}}.' };

/** LiveKit's webhook about the end of a call may arrive before the agent's last messages. */
const lastWordsMs = 3_000;

/** The records of a room's newest call, once it is final. */
export const finalRecords = async (service: TestService, room: string) => {
  const isFinal = ({ call }: Records): boolean => {
    const endedAgoMs = Date.now() - (call.endedAt?.getTime() ?? Infinity);
    const isTold = call.jobId === null || call.endSource === 'link' || endedAgoMs > lastWordsMs;
    return call.openRoom === null && isTold;
  };
  await untilRecorded(service, room, isFinal, 30_000);
  const found = await callWithRecords(service.ctx.db, room);
  if (found === null) throw new Error('the call has no record');
  return found;
};

type Records = NonNullable<Awaited<ReturnType<typeof callWithRecords>>>;

/** Waits until a call's records satisfy a condition. */
export const untilRecorded = async (
  service: TestService,
  room: string,
  isSo: (records: Records) => boolean,
  timeoutMs = 15_000,
): Promise<void> => {
  const look = async () => {
    const found = await callWithRecords(service.ctx.db, room);
    return found !== null && isSo(found);
  };
  await expect.poll(look, { timeout: timeoutMs, interval: 50 }).toBe(true);
};

/** A scenario that answers everything alike. */
export const alwaysSaying = (name: string, caller: string[], otherwise: string): ScenarioInput => ({
  name,
  caller,
  otherwise,
  repeat: true,
});
