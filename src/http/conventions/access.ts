/** Access control: every route of the API declares who may use it, which is checked before its body is read. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import type { Context } from '../../context.ts';
import { may, type Permission, type Principal } from '../../tenants/access.ts';
import { authenticate, type Authenticated, type Credential } from '../../tenants/authenticate.ts';
import type { TenantScope } from '../../tenants/scope.ts';

/** `public`: anyone; `signed_in`: any user or API token; otherwise the permission that is required. */
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

/** The lifetime of an access token. Its session is looked up on every request, so that logging out takes effect at once. */
export const accessTokenSeconds = 15 * 60;

export const accessTokenOf = (app: FastifyInstance, sessionId: string): string => app.jwt.sign({ sid: sessionId });

const credentialOf = (app: FastifyInstance, authorization: string | undefined): Credential => {
  const [, token] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
  if (token === undefined)
    throw new AppError('unproven', 'Send Authorization: Bearer with an access token or an API token.');
  if (token.startsWith('ta_')) return { kind: 'api_token', token };
  try {
    const { sid } = app.jwt.verify<{ sid?: unknown }>(token);
    if (typeof sid === 'string') return { kind: 'session', sessionId: sid };
  } catch (err) {
    throw new AppError('unproven', 'Invalid or expired access token.', { cause: err });
  }
  throw new AppError('unproven', 'Invalid access token.');
};

/**
 * Identifies the client of a request and the tenant it acts in.
 * @throws AppError `unproven`, `forbidden`, `not_found`
 */
export const authenticateRequest = async (
  app: FastifyInstance,
  ctx: Pick<Context, 'db' | 'now'>,
  { headers }: Pick<FastifyRequest, 'headers'>,
): Promise<Authenticated> => {
  const tenantId = headers['x-tenant-id'];
  return authenticate(ctx, credentialOf(app, headers.authorization), typeof tenantId === 'string' ? tenantId : null);
};

/** @throws AppError `forbidden` */
export const requirePermission = (principal: Principal, permission: Permission): void => {
  if (!may(principal, permission)) throw new AppError('forbidden', `Missing permission: ${permission}.`);
};

/** The client of a request that has passed authentication. */
export type Guard = Readonly<{
  principalOf: (request: FastifyRequest) => Principal;
  /** @throws AppError `malformed` if an admin doesn't name a tenant */
  scopeOf: (request: FastifyRequest) => TenantScope;
  /** Null: an admin who acts on the whole installation. */
  scopeIfAny: (request: FastifyRequest) => TenantScope | null;
}>;

/**
 * Guards the routes that are added to `app` from here on.
 * @throws Error when a route is added that doesn't declare its access
 */
export const guardRoutes = (app: FastifyInstance, ctx: Pick<Context, 'db' | 'now'>): Guard => {
  const authenticated = new WeakMap<FastifyRequest, Authenticated>();
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined && method !== 'OPTIONS')
      throw new Error(`${String(method)} ${url} declares no access`);
  });
  app.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config;
    if (access === undefined || access === 'public') return;
    const client = await authenticateRequest(app, ctx, request);
    if (access !== 'signed_in') requirePermission(client.principal, access);
    authenticated.set(request, client);
  });
  const clientOf = (request: FastifyRequest): Authenticated => {
    const client = authenticated.get(request);
    if (client === undefined) throw new Error('the route is public: its clients are not authenticated');
    return client;
  };
  return {
    principalOf: (request) => clientOf(request).principal,
    scopeIfAny: (request) => clientOf(request).scope,
    scopeOf: (request) => {
      const { scope } = clientOf(request);
      if (scope === null) throw new AppError('malformed', 'Admins must send X-Tenant-Id.');
      return scope;
    },
  };
};
