/** The HTTP side of the service. */
import { fastify, type FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { errorHandler, sendError } from './errors.ts';
import { healthRoute, livezRoute, type Readiness } from './health.ts';
import { webhookRoutes } from './webhooks.ts';

/** A webhook of LiveKit with all its attributes is a few kB. */
const bodyLimitBytes = 256 * 1024;

/** Builds the HTTP server; it doesn't listen yet. */
export const buildHttp = (ctx: Context, readiness: Readiness): FastifyInstance => {
  const app = fastify({ bodyLimit: bodyLimitBytes, logger: false, forceCloseConnections: true });
  app.setErrorHandler(errorHandler(ctx.log));
  app.setNotFoundHandler((request, reply) =>
    sendError(reply, 'not_found', `There is no ${request.method} ${request.url.split('?')[0] ?? ''}.`),
  );
  livezRoute(app);
  app.register(
    (scope, _options, done) => {
      webhookRoutes(scope, ctx);
      healthRoute(scope, ctx, readiness);
      done();
    },
    { prefix: '/api/v1/webhooks' },
  );
  return app;
};
