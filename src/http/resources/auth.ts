/** /api/v1/auth and /api/v1/me: logging in and out. */
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
  access_token: z.string().describe('Send it as Authorization: Bearer …'),
  token_type: z.literal('Bearer'),
  expires_in: z.number().describe('The lifetime of the access token in seconds.'),
  refresh_token: z
    .string()
    .describe('Valid for one refresh, which returns the next one. Using it twice ends the session.'),
});

const me = z.object({
  kind: z.enum(['user', 'token']),
  id: z.string(),
  name: z.string(),
  email: z.string().nullable(),
  role: z.enum(roles).nullable().describe('Null for an API token.'),
  tenant_id: z.string().nullable().describe('Null for an admin.'),
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
/** Login attempts: per IP address, and per e-mail address from anywhere. */
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
      throw new AppError('too_many', `Too many attempts. Try again in ${result.ttlInSeconds} seconds.`);
  };
};

const credentials = z.strictObject({ email: text(254), password: text(200) });

/** Needs the plugin @fastify/rate-limit. */
export const loginRoutes = (app: FastifyInstance, ctx: Context, guard: Guard): void => {
  const limitByNetwork = openLimiter(app, limits.network, (request) => `network:${request.ip}`);
  publicRoutes(app, ctx, limitByNetwork);
  signedInRoutes(app, ctx, guard, limitByNetwork);
};

/** Routes without authentication. */
const publicRoutes = (app: FastifyInstance, ctx: Context, byNetwork: Limiter): void => {
  const limitByEmail = openLimiter(
    app,
    limits.email,
    (request) => `email:${emailKey(credentials.parse(request.body).email)}`,
  );
  const tokensOf = (session: Session | null): z.output<typeof tokens> => {
    if (session === null) throw new AppError('unproven', 'Invalid credentials, or the session has expired.');
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
    handler: async (request) => tokensOf(await logIn(ctx, request.body)),
  });
  api.post('/auth/refresh', {
    config: { access: 'public' },
    schema: {
      tags: ['auth'],
      summary: 'Exchange a refresh token for new tokens',
      body: z.strictObject({ refresh_token: text(200) }),
      response: { 200: tokens },
    },
    onRequest: byNetwork,
    handler: async (request) => tokensOf(await refreshSession(ctx, request.body.refresh_token)),
  });
};

const sessionOf = (principal: Principal): string => {
  if (principal.kind === 'user') return principal.sessionId;
  throw new AppError('forbidden', 'API tokens have no session and no password.');
};

/** Routes about the client itself. */
const signedInRoutes = (app: FastifyInstance, ctx: Context, { principalOf }: Guard, limitByNetwork: Limiter): void => {
  const api = app.withTypeProvider<ZodTypeProvider>();
  api.get('/me', {
    config: { access: 'signed_in' },
    schema: {
      tags: ['auth'],
      summary: 'Get the current user or API token, with its permissions',
      response: { 200: me },
    },
    handler: async (request) => meOf(principalOf(request)),
  });
  api.post('/auth/logout', {
    config: { access: 'signed_in' },
    schema: { tags: ['auth'], summary: 'Log out: end this session', response: { 204: z.undefined() } },
    handler: async (request, reply) => {
      await logOut(ctx, sessionOf(principalOf(request)));
      return reply.code(204).send();
    },
  });
  api.post('/auth/password', {
    config: { access: 'signed_in' },
    schema: {
      tags: ['auth'],
      summary: 'Change your password, which ends your other sessions',
      body: z.strictObject({ current_password: text(200), new_password: password }),
      response: { 204: z.undefined() },
    },
    preHandler: limitByNetwork,
    handler: async (request, reply) => {
      const { current_password: current, new_password: next } = request.body;
      if (!(await changePassword(ctx, sessionOf(principalOf(request)), { current, next })))
        throw new AppError('forbidden', 'The current password is wrong.');
      return reply.code(204).send();
    },
  });
};
