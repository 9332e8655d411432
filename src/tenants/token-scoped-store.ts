/** A tenant's API tokens in the database, as hashes. */
import type { DbClient } from '../database/open.ts';
import { editVersioned, type Edited, type RecordVersion } from '../database/edit-versioned.ts';
import { pageArgs, pageOf, type Page, type PageQuery } from '../database/paging.ts';
import { scopesOf, type TokenScope } from './access.ts';
import type { TenantScope } from './scope.ts';

export type ApiToken = Readonly<{
  id: string;
  name: string;
  /** The first characters of the token. */
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
  const where = { tenantId, ...revokedAt };
  return pageOf((await db.apiToken.findMany({ ...pageArgs(where, page), select: shown })).map(tokenOf), page);
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

/** Renames a token, or revokes it for good: revoking it again changes nothing. */
export const editToken = (
  db: DbClient,
  scope: TenantScope,
  read: RecordVersion,
  changes: Readonly<{ name?: string; revokedAt?: Date }>,
): Promise<Edited<ApiToken>> =>
  editVersioned(read, {
    find: (id) => findToken(db, scope, id),
    update: async (where, { revokedAt }) =>
      revokedAt !== null && changes.revokedAt !== undefined
        ? { count: 1 }
        : db.apiToken.updateMany({
            where: { ...where, tenantId: scope.tenantId },
            data: { ...changes, version: { increment: 1 } },
          }),
  });
