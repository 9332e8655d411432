/** Authenticates clients: the only way to a tenant's scope. */
import type { Context } from '../context.ts';
import { AppError } from '../errors.ts';
import type { Principal } from './access.ts';
import { findAccountOfSession, findTokenHolder, recordTokenUse } from './access-store.ts';
import { grantScope } from './grant-scope.ts';
import type { TenantScope } from './scope.ts';
import { hashOf } from './secret.ts';
import { tenantExists } from './store.ts';

/** A session, named by a valid access token, or an API token. */
export type Credential =
  Readonly<{ kind: 'session'; sessionId: string }> | Readonly<{ kind: 'api_token'; token: string }>;

export type Authenticated = Readonly<{
  principal: Principal;
  /** Null: an admin who named no tenant. */
  scope: TenantScope | null;
}>;

/** How often the use of an API token is recorded; a write per request would be too much. */
const recordUseEveryMs = 60_000;

/**
 * Identifies the owner of a credential and grants them their tenant's scope.
 * @param wantedTenantId the tenant that the client names: an admin any, others their own; null: none
 * @throws AppError `unproven`, `forbidden` (not the client's tenant), `not_found` (no such tenant)
 */
export const authenticate = async (
  ctx: Pick<Context, 'db' | 'now'>,
  credential: Credential,
  wantedTenantId: string | null,
): Promise<Authenticated> => {
  const principal =
    credential.kind === 'session' ? await userOf(ctx, credential.sessionId) : await machineOf(ctx, credential.token);
  if (principal === null)
    throw new AppError('unproven', 'Invalid or expired token. Log in again, or refresh the session.');
  const { tenantId } = principal;
  if (tenantId !== null && wantedTenantId !== null && wantedTenantId !== tenantId)
    throw new AppError('forbidden', 'X-Tenant-Id: not your tenant.');
  if (tenantId !== null) return { principal, scope: grantScope(tenantId) };
  if (wantedTenantId === null) return { principal, scope: null };
  if (!(await tenantExists(ctx.db, wantedTenantId))) throw new AppError('not_found', 'X-Tenant-Id: no such tenant.');
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
  if (lastUsedAt === null || at.getTime() - lastUsedAt.getTime() >= recordUseEveryMs) await recordTokenUse(db, id, at);
  return { kind: 'token', id, name, scopes, tenantId };
};
