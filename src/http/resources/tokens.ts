/** /api/v1/tokens: a tenant's API tokens. For its owners. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { tokenScopes } from '../../tenants/access.ts';
import { createToken } from '../../tenants/create-token.ts';
import { editToken, findToken, listTokens, type ApiToken } from '../../tenants/token-scoped-store.ts';
import { name } from '../../database/storable-text.ts';
import type { Guard } from '../conventions/access.ts';
import { snakeOf } from '../conventions/snake-case.ts';
import { timestampInput, id, version, timestamp, booleanQuery } from '../conventions/fields.ts';
import { actionRoute, updateRoute, createRoute, getRoute, listRoute } from '../conventions/resource-routes.ts';

const json = z.object({
  id,
  name: z.string(),
  hint: z.string().describe('The first characters of the token.'),
  scopes: z.array(z.enum(tokenScopes)),
  expires_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
  last_used_at: timestamp.nullable().describe('Accurate to the minute.'),
  version,
  created_at: timestamp,
  updated_at: timestamp,
});

const toJson = ({ scopes, ...token }: ApiToken): z.output<typeof json> => ({ ...snakeOf(token), scopes: [...scopes] });

export const tokenRoutes = (app: FastifyInstance, ctx: Context, { scopeOf }: Guard): void => {
  const { db, now } = ctx;
  const tokens = { path: '/tokens', singular: 'API token', access: 'tokens:manage', json, toJson } as const;
  listRoute(app, {
    ...tokens,
    query: { is_revoked: booleanQuery.exactOptional() },
    list: async (request, { is_revoked: isRevoked }, page) =>
      listTokens(db, scopeOf(request), { ...(isRevoked !== undefined && { isRevoked }) }, page),
  });
  getRoute(app, { ...tokens, find: async (request, tokenId) => findToken(db, scopeOf(request), tokenId) });
  createRoute(app, {
    ...tokens,
    json: json.extend({ token: z.string().describe('The token itself. It is shown only once.') }),
    toJson: ({ token, record }: Awaited<ReturnType<typeof createToken>>) => ({ ...toJson(record), token }),
    body: {
      name: name(100),
      scopes: z.array(z.enum(tokenScopes)).min(1).max(tokenScopes.length),
      expires_at: timestampInput.nullable().default(null),
    },
    create: async (request, { expires_at: expires, ...token }) =>
      createToken(ctx, scopeOf(request), { ...token, expiresAt: expires === null ? null : new Date(expires) }),
  });
  updateRoute(app, {
    ...tokens,
    body: { name: name(100).exactOptional() },
    update: async (request, read, body) => editToken(db, scopeOf(request), read, body),
  });
  actionRoute(app, {
    ...tokens,
    action: 'revoke',
    summary: 'Revoke an API token permanently',
    act: async (request, read) => editToken(db, scopeOf(request), read, { revokedAt: now() }),
  });
};
