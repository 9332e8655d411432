/** A new API token: shown once, kept as its hash. */
import type { Context } from '../context.ts';
import type { TokenScope } from './access.ts';
import type { TenantScope } from './scope.ts';
import { hashOf, newSecret } from './secret.ts';
import { insertToken, type ApiToken } from './token-scoped-store.ts';

/** Enough to tell one token from another, and nothing to guess the rest by. */
const hintLength = 8;

export const createToken = async (
  { db }: Pick<Context, 'db'>,
  scope: TenantScope,
  { scopes, ...asked }: Readonly<{ name: string; scopes: readonly TokenScope[]; expiresAt: Date | null }>,
): Promise<Readonly<{ token: string; record: ApiToken }>> => {
  const token = newSecret('ta');
  const stored = { ...asked, scopes: [...new Set(scopes)], hash: hashOf(token), hint: token.slice(0, hintLength) };
  return { token, record: await insertToken(db, scope, stored) };
};
