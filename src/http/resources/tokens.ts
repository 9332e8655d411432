/** /api/v1/tokens: keys for machines. For a tenant's owners. */
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
import { actionRoute, changeRoute, createRoute, getRoute, listRoute } from '../conventions/resource-routes.ts';

const json = z.object({
  id,
  name: z.string(),
  hint: z.string().describe('How the token begins.'),
  scopes: z.array(z.enum(tokenScopes)),
  expires_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
  last_used_at: timestamp.nullable().describe('To the minute.'),
  version,
  created_at: timestamp,
  updated_at: timestamp,
});

const toJson = ({ scopes, ...token }: ApiToken): z.output<typeof json> => ({ ...snakeOf(token), scopes: [...scopes] });

export const tokenRoutes = (app: FastifyInstance, ctx: Context, { scopeOf }: Guard): void => {
  const { db, now } = ctx;
  const tokens = { path: '/tokens', singular: 'token', access: 'tokens:manage', json, toJson } as const;
  listRoute(app, {
    ...tokens,
    query: { is_revoked: booleanQuery.exactOptional() },
    list: async (request, { is_revoked: isRevoked }, page) =>
      listTokens(db, scopeOf(request), { ...(isRevoked !== undefined && { isRevoked }) }, page),
  });
  getRoute(app, { ...tokens, find: async (request, tokenId) => findToken(db, scopeOf(request), tokenId) });
  createRoute(app, {
    ...tokens,
    json: json.extend({ token: z.string().describe('The token itself: shown now, and never again.') }),
    toJson: ({ token, record }: Awaited<ReturnType<typeof createToken>>) => ({ ...toJson(record), token }),
    body: {
      name: name(100),
      scopes: z.array(z.enum(tokenScopes)).min(1).max(tokenScopes.length),
      expires_at: timestampInput.nullable().default(null),
    },
    create: async (request, { expires_at: expires, ...token }) =>
      createToken(ctx, scopeOf(request), { ...token, expiresAt: expires === null ? null : new Date(expires) }),
  });
  changeRoute(app, {
    ...tokens,
    body: { name: name(100).exactOptional() },
    change: async (request, read, body) => editToken(db, scopeOf(request), read, body),
  });
  actionRoute(app, {
    ...tokens,
    action: 'revoke',
    summary: 'Revoke a token, for good',
    act: async (request, read) => editToken(db, scopeOf(request), read, { revokedAt: now() }),
  });
};
