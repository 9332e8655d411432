/** Who may use a route: every route of the API says so, and is asked before its body is read. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import type { Context } from '../../context.ts';
import { may, type Permission, type Principal } from '../../tenants/access.ts';
import { authenticate, type Authenticated, type Credential } from '../../tenants/authenticate.ts';
import type { TenantScope } from '../../tenants/scope.ts';

/** `public`: everybody; `signed_in`: everybody whom we know; else whoever has the permission. */
export type Access = 'public' | 'signed_in' | Permission;

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: { sid: string };
    user: { sid: string };
  }
}

/** How long an access token is good; whether its session still is, is asked each time. */
export const accessTokenSeconds = 15 * 60;

export const accessTokenOf = (app: FastifyInstance, sessionId: string): string => app.jwt.sign({ sid: sessionId });

const credentialOf = (app: FastifyInstance, authorization: string | undefined): Credential => {
  const [, token] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
  if (token === undefined) throw new AppError('unproven', 'Authorization must be Bearer with an access or API token.');
  if (token.startsWith('ta_')) return { kind: 'api_token', token };
  try {
    const { sid } = app.jwt.verify<{ sid?: unknown }>(token);
    if (typeof sid === 'string') return { kind: 'session', sessionId: sid };
  } catch (error) {
    throw new AppError('unproven', 'The access token is not valid, or not any more.', { cause: error });
  }
  throw new AppError('unproven', 'The access token is not one of ours.');
};

/**
 * Who makes a request.
 * @throws AppError `unproven`, `forbidden`, `not_found`
 */
export const authenticateRequest = async (
  app: FastifyInstance,
  ctx: Pick<Context, 'db' | 'now'>,
  { headers }: Pick<FastifyRequest, 'headers'>,
): Promise<Authenticated> => {
  const wanted = headers['x-tenant-id'];
  return authenticate(ctx, credentialOf(app, headers.authorization), typeof wanted === 'string' ? wanted : null);
};

/** Of each request that was let in: who it is. */
export type Guard = Readonly<{
  principalOf: (request: FastifyRequest) => Principal;
  /** @throws AppError `malformed` where an admin doesn't say in which tenant */
  scopeOf: (request: FastifyRequest) => TenantScope;
  /** Null: an admin, of the whole installation. */
  scopeIfAny: (request: FastifyRequest) => TenantScope | null;
}>;

/** Guards the routes that are added to `app` from here on; one that doesn't say who may use it is a mistake. */
export const guardRoutes = (app: FastifyInstance, ctx: Pick<Context, 'db' | 'now'>): Guard => {
  const known = new WeakMap<FastifyRequest, Authenticated>();
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined && method !== 'OPTIONS')
      throw new Error(`${String(method)} ${url} doesn't say who may use it`);
  });
  app.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config;
    if (access === undefined || access === 'public') return;
    const asks = await authenticateRequest(app, ctx, request);
    if (access !== 'signed_in' && !may(asks.principal, access))
      throw new AppError('forbidden', `This needs the permission ${access}.`);
    known.set(request, asks);
  });
  const asks = (request: FastifyRequest): Authenticated => {
    const found = known.get(request);
    if (found === undefined) throw new Error('nobody was asked who they are');
    return found;
  };
  return {
    principalOf: (request) => asks(request).principal,
    scopeIfAny: (request) => asks(request).scope,
    scopeOf: (request) => {
      const { scope } = asks(request);
      if (scope === null) throw new AppError('malformed', 'An admin says by X-Tenant-Id in which tenant.');
      return scope;
    },
  };
};
