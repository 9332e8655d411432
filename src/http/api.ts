/** /api/v1: the REST API for a tenant's users and API tokens, and for the installation's admins. */
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Context } from '../context.ts';
import { guardRoutes } from './conventions/access.ts';
import { agentRoutes } from './resources/agents.ts';
import { callRoutes } from './resources/calls.ts';
import { campaignRoutes } from './resources/campaigns.ts';
import { erasureRoutes } from './resources/erasures.ts';
import { leadRoutes } from './resources/leads.ts';
import { loginRoutes } from './resources/auth.ts';
import { numberRoutes } from './resources/phone-numbers.ts';
import { trunkRoutes } from './resources/platform-trunks.ts';
import { routingRoutes } from './resources/routing.ts';
import { tenantRoutes } from './resources/tenants.ts';
import { tokenRoutes } from './resources/tokens.ts';
import { userRoutes } from './resources/users.ts';

/** The plugin of everything below /api/v1 except the webhooks. */
export const api =
  (ctx: Context) =>
  async (app: FastifyInstance): Promise<void> => {
    app.setValidatorCompiler(validatorCompiler);
    app.setSerializerCompiler(serializerCompiler);
    app.removeContentTypeParser('text/plain');
    await app.register(helmet, { contentSecurityPolicy: { directives: noResources, useDefaults: false } });
    if (ctx.config.api.corsOrigins.length > 0) await app.register(cors, corsOptions(ctx.config.api.corsOrigins));
    await app.register(rateLimit, { global: false });
    app.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    const guard = guardRoutes(app, ctx);
    loginRoutes(app, ctx, guard);
    tenantRoutes(app, ctx);
    userRoutes(app, ctx, guard);
    tokenRoutes(app, ctx, guard);
    numberRoutes(app, ctx, guard);
    trunkRoutes(app, ctx, guard);
    campaignRoutes(app, ctx, guard);
    agentRoutes(app, ctx, guard);
    leadRoutes(app, ctx, guard);
    callRoutes(app, ctx, guard);
    erasureRoutes(app, ctx, guard);
    routingRoutes(app, ctx, guard);
  };

/** JSON needs no resources, even if a browser renders it. */
const noResources = { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] };

const corsOptions = (origins: readonly string[]) => ({
  origin: [...origins],
  methods: ['GET', 'POST', 'PATCH'],
  allowedHeaders: ['authorization', 'content-type', 'if-match', 'x-tenant-id', 'x-request-id'],
  exposedHeaders: ['etag', 'x-request-id', 'retry-after'],
  maxAge: 600,
});
