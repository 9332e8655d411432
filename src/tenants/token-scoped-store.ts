/** A tenant's API tokens in the database: their hashes. */
import type { DbClient } from '../database/database.ts';
import {
  afterPosition,
  pageArgs,
  pageOf,
  whyNotEdited,
  type Edited,
  type Page,
  type PageQuery,
} from '../database/paging.ts';
import { scopesOf, type TokenScope } from './access.ts';
import type { TenantScope } from './scope.ts';

export type ApiToken = Readonly<{
  id: string;
  name: string;
  /** How the token begins. */
  hint: string;
  scopes: readonly TokenScope[];
  expiresAt: Date | null;
  revokedAt: Date | null;
  lastUsedAt: Date | null;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}>;

const shown = {
  id: true,
  name: true,
  hint: true,
  scopes: true,
  expiresAt: true,
  revokedAt: true,
  lastUsedAt: true,
  version: true,
  createdAt: true,
  updatedAt: true,
} as const;

type Row = Omit<ApiToken, 'scopes'> & Readonly<{ scopes: unknown }>;

const tokenOf = (row: Row): ApiToken => ({ ...row, scopes: scopesOf(row.scopes) });

export const listTokens = async (
  db: DbClient,
  { tenantId }: TenantScope,
  { isRevoked }: Readonly<{ isRevoked?: boolean }>,
  page: PageQuery,
): Promise<Page<ApiToken>> => {
  const revokedAt = isRevoked === undefined ? {} : { revokedAt: isRevoked ? { not: null } : null };
  const where = { AND: [{ tenantId, ...revokedAt }, afterPosition(page)] };
  return pageOf((await db.apiToken.findMany({ where, select: shown, ...pageArgs(page) })).map(tokenOf), page);
};

export const findToken = async (db: DbClient, { tenantId }: TenantScope, id: string): Promise<ApiToken | null> => {
  const row = await db.apiToken.findFirst({ where: { id, tenantId }, select: shown });
  return row === null ? null : tokenOf(row);
};

export const insertToken = async (
  db: DbClient,
  { tenantId }: TenantScope,
  token: Readonly<{
    name: string;
    hint: string;
    hash: string;
    scopes: readonly TokenScope[];
    expiresAt: Date | null;
  }>,
): Promise<ApiToken> =>
  tokenOf(await db.apiToken.create({ data: { ...token, scopes: [...token.scopes], tenantId }, select: shown }));

/** Renames a token, or revokes it: for good, and when it was revoked first stays. */
export const editToken = async (
  db: DbClient,
  scope: TenantScope,
  { id, version }: Readonly<{ id: string; version: number | null }>,
  changes: Readonly<{ name?: string; revokedAt?: Date }>,
): Promise<Edited<ApiToken>> => {
  const { tenantId } = scope;
  const read = { id, tenantId, ...(version !== null && { version }) };
  if (
    changes.revokedAt !== undefined &&
    (await db.apiToken.count({ where: { ...read, revokedAt: { not: null } } })) > 0
  )
    return (await findToken(db, scope, id)) ?? 'missing';
  const { count } = await db.apiToken.updateMany({
    where: read,
    data: { ...changes, version: { increment: 1 } },
  });
  const found = await findToken(db, scope, id);
  return count === 0 || found === null ? whyNotEdited(found) : found;
};
