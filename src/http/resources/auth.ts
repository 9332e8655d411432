/** Logging in and out: /api/v1/auth, and /api/v1/me. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { emailKey, permissionsOfPrincipal, roles, type Principal } from '../../tenants/access.ts';
import { changePassword, logIn, logOut, refreshSession, type Session } from '../../tenants/session.ts';
import { text } from '../../database/storable-text.ts';
import { accessTokenOf, accessTokenSeconds, type Guard } from '../conventions/access.ts';
import { password } from '../conventions/fields.ts';

const tokens = z.object({
  access_token: z.string().describe('For the header Authorization: Bearer …'),
  token_type: z.literal('Bearer'),
  expires_in: z.number().describe('Seconds, of the access token.'),
  refresh_token: z
    .string()
    .describe('Good for one refresh, which gives the next one. Used twice, it ends the session.'),
});

const me = z.object({
  kind: z.enum(['user', 'token']),
  id: z.string(),
  name: z.string(),
  email: z.string().nullable(),
  role: z.enum(roles).nullable().describe('Null: an API token.'),
  tenant_id: z.string().nullable().describe('Null: an admin.'),
  permissions: z.array(z.string()),
});

const meOf = (principal: Principal): z.output<typeof me> => ({
  kind: principal.kind,
  id: principal.id,
  name: principal.name,
  email: principal.kind === 'user' ? principal.email : null,
  role: principal.kind === 'user' ? principal.role : null,
  tenant_id: principal.tenantId,
  permissions: [...permissionsOfPrincipal(principal)],
});

const minute = 60_000;
/** Tries in a time: of one address on the network, and for one e-mail address from anywhere. */
const limits = {
  network: { max: 20, timeWindow: minute },
  email: { max: 10, timeWindow: 15 * minute },
} as const;

type Limiter = (request: FastifyRequest) => Promise<void>;

const openLimiter = (
  app: FastifyInstance,
  limit: Readonly<{ max: number; timeWindow: number }>,
  keyOf: (request: FastifyRequest) => string,
): Limiter => {
  const count = app.createRateLimit({ ...limit, keyGenerator: keyOf });
  return async (request) => {
    const result = await count(request);
    if (!result.isAllowed && result.isExceeded)
      throw new AppError('too_many', `Too many tries: wait ${result.ttlInSeconds} seconds.`);
  };
};

const credentials = z.strictObject({ email: text(254), password: text(200) });

/** The routes under /api/v1/auth. The plugin @fastify/rate-limit is registered. */
export const loginRoutes = (app: FastifyInstance, ctx: Context, guard: Guard): void => {
  const limitByNetwork = openLimiter(app, limits.network, (request) => `network:${request.ip}`);
  publicRoutes(app, ctx, limitByNetwork);
  signedInRoutes(app, ctx, guard, limitByNetwork);
};

/** For who isn't known yet. */
const publicRoutes = (app: FastifyInstance, ctx: Context, byNetwork: Limiter): void => {
  const limitByEmail = openLimiter(
    app,
    limits.email,
    (request) => `email:${emailKey(credentials.parse(request.body).email)}`,
  );
  const answer = (session: Session | null): z.output<typeof tokens> => {
    if (session === null) throw new AppError('unproven', 'That is not a login that we know, or not any more.');
    const { id, refreshToken } = session;
    const access = accessTokenOf(app, id);
    return { access_token: access, token_type: 'Bearer', expires_in: accessTokenSeconds, refresh_token: refreshToken };
  };
  const api = app.withTypeProvider<ZodTypeProvider>();
  api.post('/auth/login', {
    config: { access: 'public' },
    schema: { tags: ['auth'], summary: 'Log in', body: credentials, response: { 200: tokens } },
    onRequest: byNetwork,
    preHandler: limitByEmail,
    handler: async (request) => answer(await logIn(ctx, request.body)),
  });
  api.post('/auth/refresh', {
    config: { access: 'public' },
    schema: {
      tags: ['auth'],
      summary: 'Go on with a session',
      body: z.strictObject({ refresh_token: text(200) }),
      response: { 200: tokens },
    },
    onRequest: byNetwork,
    handler: async (request) => answer(await refreshSession(ctx, request.body.refresh_token)),
  });
};

/** For who is in: about oneself. */
const signedInRoutes = (app: FastifyInstance, ctx: Context, { principalOf }: Guard, byNetwork: Limiter): void => {
  const sessionOf = (request: FastifyRequest): string => {
    const principal = principalOf(request);
    if (principal.kind === 'user') return principal.sessionId;
    throw new AppError('forbidden', 'An API token has no session and no password.');
  };
  const api = app.withTypeProvider<ZodTypeProvider>();
  api.get('/me', {
    config: { access: 'signed_in' },
    schema: { tags: ['auth'], summary: 'Who am I, and what may I do?', response: { 200: me } },
    handler: async (request) => meOf(principalOf(request)),
  });
  api.post('/auth/logout', {
    config: { access: 'signed_in' },
    schema: { tags: ['auth'], summary: 'End the session', response: { 204: z.undefined() } },
    handler: async (request, reply) => {
      await logOut(ctx, sessionOf(request));
      return reply.code(204).send();
    },
  });
  api.post('/auth/password', {
    config: { access: 'signed_in' },
    schema: {
      tags: ['auth'],
      summary: 'Change my password, which ends my other sessions',
      body: z.strictObject({ current_password: text(200), new_password: password }),
      response: { 204: z.undefined() },
    },
    preHandler: byNetwork,
    handler: async (request, reply) => {
      const { current_password: current, new_password: next } = request.body;
      if (!(await changePassword(ctx, sessionOf(request), { current, next })))
        throw new AppError('forbidden', 'The current password is another.');
      return reply.code(204).send();
    },
  });
};
