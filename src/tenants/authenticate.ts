/** Who asks, and in which tenant they act: the only way to a tenant's scope. */
import type { Context } from '../context.ts';
import { AppError } from '../errors.ts';
import type { Principal } from './access.ts';
import { findAccountOfSession, findTokenHolder, noteTokenUse } from './access-store.ts';
import { grantScope } from './grant-scope.ts';
import type { TenantScope } from './scope.ts';
import { hashOf } from './secret.ts';
import { tenantExists } from './store.ts';

/** What somebody shows: a session, proven by an access token, or an API token. */
export type Credential =
  Readonly<{ kind: 'session'; sessionId: string }> | Readonly<{ kind: 'api_token'; token: string }>;

export type Authenticated = Readonly<{
  principal: Principal;
  /** Null: an admin who didn't say in which tenant. */
  scope: TenantScope | null;
}>;

/** The use of an API token is noted once in so long: a write each request would be too much. */
const noteUseEveryMs = 60_000;

/**
 * Finds out who shows a credential.
 * @param wantedTenantId the tenant that the asker names; an admin may name any, others theirs
 * @throws AppError `unproven`, `forbidden` (another tenant), `not_found` (an admin names none that there is)
 */
export const authenticate = async (
  ctx: Pick<Context, 'db' | 'now'>,
  credential: Credential,
  wantedTenantId: string | null,
): Promise<Authenticated> => {
  const principal =
    credential.kind === 'session' ? await userOf(ctx, credential.sessionId) : await machineOf(ctx, credential.token);
  if (principal === null)
    throw new AppError('unproven', 'The token is not valid, or not any more: log in, or refresh the session.');
  const { tenantId } = principal;
  if (tenantId !== null && wantedTenantId !== null && wantedTenantId !== tenantId)
    throw new AppError('forbidden', 'X-Tenant-Id names another tenant than yours.');
  if (tenantId !== null) return { principal, scope: grantScope(tenantId) };
  if (wantedTenantId === null) return { principal, scope: null };
  if (!(await tenantExists(ctx.db, wantedTenantId)))
    throw new AppError('not_found', 'X-Tenant-Id names no tenant that there is.');
  return { principal, scope: grantScope(wantedTenantId) };
};

const userOf = async ({ db, now }: Pick<Context, 'db' | 'now'>, sessionId: string): Promise<Principal | null> => {
  const account = await findAccountOfSession(db, sessionId, now());
  if (account === null || !account.isActive) return null;
  const { id, email, name, role, tenantId } = account;
  return { kind: 'user', id, sessionId, email, name, role, tenantId };
};

const machineOf = async ({ db, now }: Pick<Context, 'db' | 'now'>, token: string): Promise<Principal | null> => {
  const at = now();
  const holder = await findTokenHolder(db, hashOf(token), at);
  if (holder === null) return null;
  const { id, name, scopes, tenantId, lastUsedAt } = holder;
  if (lastUsedAt === null || at.getTime() - lastUsedAt.getTime() >= noteUseEveryMs) await noteTokenUse(db, id, at);
  return { kind: 'token', id, name, scopes, tenantId };
};
