/** A service's context and its HTTP server on a real database, without a worker and LiveKit. */
import type { FastifyInstance } from 'fastify';
import { createFeed } from '#src/feed/call-feed.ts';
import { loadConfig, requireCallConfig } from '#src/config.ts';
import type { Context } from '#src/context.ts';
import type { Db } from '#src/database/open.ts';
import { buildHttp } from '#src/http/server.ts';
import { openLivekit } from '#src/livekit/client.ts';
import { openLog } from '#src/log.ts';
import { openSpeechCache } from '#src/speech-cache/speech-cache.ts';
import { keys } from './signed.ts';

export type TestClock = { now: Date };

/** `env` overrides a complete configuration whose LiveKit server and providers don't exist. */
export const testContext = (
  db: Db,
  options: { env?: Record<string, string>; clock?: TestClock; busy?: () => string | null } = {},
): Context => {
  const config = requireCallConfig(
    loadConfig({
      LIVEKIT_URL: 'ws://127.0.0.1:9',
      LIVEKIT_API_KEY: keys.apiKey,
      LIVEKIT_API_SECRET: keys.apiSecret,
      DEEPGRAM_API_KEY: 'none',
      OPENAI_API_KEY: 'none',
      ...options.env,
    }),
  );
  return {
    config,
    db,
    log: openLog({ level: 'silent', pii: false }),
    livekit: openLivekit(config.livekit),
    speechCache: openSpeechCache(config.voiceDir),
    feed: createFeed(),
    ownerId: 'test-owner',
    now: () => options.clock?.now ?? new Date(),
    busy: options.busy ?? (() => null),
  };
};

export const testHttp = (ctx: Context): FastifyInstance =>
  buildHttp(ctx, { worker: () => 'ok', readyProcesses: () => 1 });

/** Sample data: a tenant with a number, a campaign and a default agent. */
export const seedTenant = async (
  db: Db,
  options: { number?: string; campaign?: false | Record<string, unknown>; livekitTrunkId?: string } = {},
) => {
  const tenant = await db.tenant.create({ data: { name: 'Dental' } });
  await db.agent.create({ data: { tenantId: tenant.id, name: 'house-agent', isDefault: true } });
  const campaign =
    options.campaign === false
      ? null
      : await db.campaign.create({
          data: { tenantId: tenant.id, name: 'Front desk', status: 'active', ...options.campaign },
        });
  const number = await db.phoneNumber.create({
    data: {
      number: options.number ?? '+18588796658',
      tenantId: tenant.id,
      campaignId: campaign?.id ?? null,
      livekitTrunkId: options.livekitTrunkId ?? null,
    },
  });
  return { tenant, campaign, number };
};
