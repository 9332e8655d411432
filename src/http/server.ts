/** The HTTP server. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import jwt from '@fastify/jwt';
import { fastify, type FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { accessTokenSeconds } from './conventions/access.ts';
import { api } from './api.ts';
import { errorHandler, sendError } from './conventions/errors.ts';
import { healthRoute, livezRoute, type Readiness } from './health.ts';
import { documentRoutes } from './openapi.ts';
import { webhookRoutes } from './livekit-webhooks.ts';

/** A LiveKit webhook with all its attributes is a few kB. */
const bodyLimitBytes = 256 * 1024;

const issuer = 'telephony-agent';

/** Clients may send their own request id, so that both logs have it. */
const requestIdOf = ({ headers }: IncomingMessage): string => {
  const id = headers['x-request-id'];
  return typeof id === 'string' && /^[\w.:-]{1,100}$/.test(id) ? id : randomUUID();
};

/** The key that signs access tokens. */
const secretOf = ({ config, log }: Context): string => {
  if (config.api.jwtSecret !== null) return config.api.jwtSecret;
  log.info('JWT_SECRET is not set: access tokens are valid until the service restarts');
  return randomBytes(48).toString('base64');
};

/** Builds the HTTP server; it doesn't listen yet. */
export const buildHttp = (ctx: Context, readiness: Readiness): FastifyInstance => {
  const onError = errorHandler(ctx.log);
  const app = fastify({
    bodyLimit: bodyLimitBytes,
    logger: false,
    forceCloseConnections: true,
    genReqId: requestIdOf,
    trustProxy: (_address: string, hop: number) => hop < ctx.config.api.trustedProxies,
    frameworkErrors: (error, request, reply) => void onError(error, request, reply.header('x-request-id', request.id)),
  });
  app.setErrorHandler(onError);
  app.setNotFoundHandler((request, reply) =>
    sendError(reply, 'not_found', `No such route: ${request.method} ${request.url.split('?')[0] ?? ''}.`),
  );
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.register(jwt, {
    secret: secretOf(ctx),
    sign: { algorithm: 'HS256', expiresIn: `${accessTokenSeconds}s`, iss: issuer },
    verify: { algorithms: ['HS256'], allowedIss: issuer },
  });
  documentRoutes(app);
  app.register(routes(ctx, readiness));
  return app;
};

const routes =
  (ctx: Context, readiness: Readiness) =>
  async (app: FastifyInstance): Promise<void> => {
    livezRoute(app);
    app.register(
      async (scope) => {
        webhookRoutes(scope, ctx);
        healthRoute(scope, ctx, readiness);
      },
      { prefix: '/api/v1/webhooks' },
    );
    app.register(api(ctx), { prefix: '/api/v1' });
  };
