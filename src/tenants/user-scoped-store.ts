/** A tenant's users in the database. Passwords stay here. */
import { transaction, type Db, type DbClient } from '../database/database.ts';
import { AppError } from '../errors.ts';
import {
  afterPosition,
  pageArgs,
  pageOf,
  whyNotEdited,
  type Edited,
  type Page,
  type PageQuery,
} from '../database/paging.ts';
import { emailKey, type Role, type TenantRole } from './access.ts';
import type { TenantScope } from './scope.ts';

export type User = Readonly<{
  id: string;
  email: string;
  name: string;
  role: Role;
  isActive: boolean;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}>;

const shown = {
  id: true,
  email: true,
  name: true,
  role: true,
  isActive: true,
  version: true,
  createdAt: true,
  updatedAt: true,
} as const;

export const listUsers = async (
  db: DbClient,
  { tenantId }: TenantScope,
  filter: Readonly<{ isActive?: boolean }>,
  page: PageQuery,
): Promise<Page<User>> => {
  const where = { AND: [{ tenantId, ...filter }, afterPosition(page)] };
  return pageOf(await db.user.findMany({ where, select: shown, ...pageArgs(page) }), page);
};

export const findUser = (db: DbClient, { tenantId }: TenantScope, id: string): Promise<User | null> =>
  db.user.findFirst({ where: { id, tenantId }, select: shown });

export const insertUser = (
  db: DbClient,
  { tenantId }: TenantScope,
  user: Readonly<{ email: string; name: string; role: TenantRole; passwordHash: string }>,
): Promise<User> => db.user.create({ data: { ...user, email: emailKey(user.email), tenantId }, select: shown });

export type UserChanges = Readonly<{
  name?: string;
  role?: TenantRole;
  isActive?: boolean;
  passwordHash?: string;
}>;

/**
 * Changes a user. Another password and becoming inactive end the user's sessions.
 * @throws AppError `conflict` where the tenant would be left without an active owner
 */
export const editUser = (
  db: Db,
  { tenantId }: TenantScope,
  { id, version, now }: Readonly<{ id: string; version: number | null; now: Date }>,
  changes: UserChanges,
): Promise<Edited<User>> =>
  transaction(db, async (tx) => {
    // Two owners who remove each other at the same time wait here for one another.
    if (tx.kind === 'postgres') await tx.$queryRaw`SELECT "id" FROM "Tenant" WHERE "id" = ${tenantId} FOR UPDATE`;
    const before = await tx.user.findFirst({ where: { id, tenantId }, select: { role: true, isActive: true } });
    const { count } = await tx.user.updateMany({
      where: { id, tenantId, ...(version !== null && { version }) },
      data: { ...changes, version: { increment: 1 } },
    });
    const found = await tx.user.findFirst({ where: { id, tenantId }, select: shown });
    if (count === 0 || found === null) return whyNotEdited(found);
    const wasOwner = before?.role === 'owner' && before.isActive;
    if (wasOwner && (await tx.user.count({ where: { tenantId, role: 'owner', isActive: true } })) === 0)
      throw new AppError('conflict', 'The tenant would be left without an active owner.');
    if (changes.passwordHash !== undefined || !found.isActive)
      await tx.session.updateMany({ where: { userId: id, revokedAt: null }, data: { revokedAt: now } });
    return found;
  });
