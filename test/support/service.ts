/** A whole service with everything real around it: LiveKit server, signed webhooks, audio; only the providers are simulated. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { callWithRecords } from '#src/calls/store.ts';
import { defaultSystemMessages, defaultSettings, voiceOf } from '#src/campaigns/campaign.ts';
import { loadConfig, requireCallConfig } from '#src/config.ts';
import { dial, type Caller, type DialOptions } from '#src/simulators/caller/caller.ts';
import type { Providers, ScenarioInput } from '#src/simulators/providers/server.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { startDevStack, type Env, type DevStack } from '#src/local/dev-stack.ts';
import { startService, type Service } from '#src/service.ts';
import { identityOf } from '#src/speech-cache/speech.ts';
import { seedTenant } from './context.ts';

export const dialled = '+18588796658';
export const callerNumber = '+15551234567';

export type TestService = Service &
  Readonly<{
    /** The environment that the service was configured with. */
    env: Env;
    /** The LiveKit server itself, which callers connect to. */
    livekit: DevStack['livekit'];
    providers: Providers;
    /** Places a call, which ends when the test does. */
    phone: (options?: Partial<DialOptions>) => Promise<Caller>;
    /** The only number's campaign, changed for the rest of this file. */
    setCampaign: (data: Record<string, unknown>) => Promise<void>;
  }>;

type TestServiceOptions = {
  env?: Env;
  campaign?: Record<string, unknown>;
  redisUrl?: string;
  /** Opened in front of the LiveKit server: the service sees only that. */
  front?: (livekit: DevStack['livekit']) => Promise<AsyncDisposable & { url: string }>;
};

/** Opens a service with one tenant, whose number has a campaign. `env` goes over the service's. */
export const startTestService = async (options: TestServiceOptions = {}): Promise<TestService> => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-test-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const around = stack.use(
    await startDevStack({
      env: { PATH: process.env.PATH, HOME: process.env.HOME, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME },
      port: await freePort(),
      databaseUrl: `file:${join(folder, 'test.db')}`,
      redisUrl: options.redisUrl,
      progress: () => undefined,
    }),
  );
  if (around.providers === null) throw new Error('the providers of a test are simulated');
  const front = options.front === undefined ? null : stack.use(await options.front(around.livekit));
  const frontEnv = front === null ? {} : { LIVEKIT_URL: front.url };
  const env = { ...around.env, ...frontEnv, LOG_LEVEL: 'warn', IDLE_PROCESSES: '1', ...options.env };
  const service = stack.use(await startService({ config: requireCallConfig(loadConfig(env)), env: process.env }));
  const { campaign } = await seedTenant(service.ctx.db, { campaign: { ...plain, ...options.campaign } });
  await service.ready;
  await untilPrepared(
    service,
    Object.values(defaultSystemMessages).filter((text) => text !== ''),
  );
  const opened = stack.move();
  return {
    ...service,
    env,
    livekit: around.livekit,
    providers: around.providers,
    phone: async (given = {}) => {
      const caller = await dial({ ...around.livekit, from: callerNumber, to: dialled, ...given });
      onTestFinished(() => caller[Symbol.asyncDispose]());
      return caller;
    },
    setCampaign: async (data) => {
      await service.ctx.db.campaign.update({ where: { id: campaign?.id ?? '' }, data });
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};

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

/** The agent of the sample campaign is ours. */
const plain = {
  agentName: 'telephony-agent',
  prompt: 'You answer the phone of {{campaign.name}} for {{caller.number}}.',
};

/** LiveKit's word of a call's end may come before what its agent still has to tell. */
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

/** Waits until a call's record has what is asked for. */
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

/** A scenario with the same answer to everything. */
export const alwaysSaying = (name: string, caller: string[], otherwise: string): ScenarioInput => ({
  name,
  caller,
  otherwise,
  repeat: true,
});
