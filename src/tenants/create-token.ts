/** New API tokens: returned once, stored as a hash. */
import type { Context } from '../context.ts';
import type { TokenScope } from './access.ts';
import type { TenantScope } from './scope.ts';
import { hashOf, newSecret } from './secret.ts';
import { insertToken, type ApiToken } from './token-scoped-store.ts';

/** Enough to tell tokens apart. */
const hintLength = 8;

export const createToken = async (
  { db }: Pick<Context, 'db'>,
  scope: TenantScope,
  { scopes, ...input }: Readonly<{ name: string; scopes: readonly TokenScope[]; expiresAt: Date | null }>,
): Promise<Readonly<{ token: string; record: ApiToken }>> => {
  const token = newSecret('ta');
  const stored = { ...input, scopes: [...new Set(scopes)], hash: hashOf(token), hint: token.slice(0, hintLength) };
  return { token, record: await insertToken(db, scope, stored) };
};
