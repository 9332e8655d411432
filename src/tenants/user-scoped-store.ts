/** A tenant's users in the database. Password hashes never leave it here. */
import type { Db, DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import { AppError } from '../errors.ts';
import { editVersioned, type Edited, type RecordVersion } from '../database/edit-versioned.ts';
import { pageArgs, pageOf, type Page, type PageQuery } from '../database/paging.ts';
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
  const where = { tenantId, ...filter };
  return pageOf(await db.user.findMany({ ...pageArgs(where, page), select: shown }), page);
};

export const findUser = (db: DbClient, { tenantId }: TenantScope, id: string): Promise<User | null> =>
  db.user.findFirst({ where: { id, tenantId }, select: shown });

export const insertUser = (
  db: DbClient,
  { tenantId }: TenantScope,
  user: Readonly<{ email: string; name: string; role: TenantRole; passwordHash: string }>,
): Promise<User> => db.user.create({ data: { ...user, email: emailKey(user.email), tenantId }, select: shown });

type UserChanges = Readonly<{
  name?: string;
  role?: TenantRole;
  isActive?: boolean;
  passwordHash?: string;
}>;

/**
 * Edits a user. A new password and becoming inactive end the user's sessions.
 * @throws AppError `conflict` if the tenant would be left without an active owner
 */
export const editUser = (
  db: Db,
  scope: TenantScope,
  { now, ...read }: RecordVersion & Readonly<{ now: Date }>,
  changes: UserChanges,
): Promise<Edited<User>> =>
  transaction(db, async (tx) => {
    const { tenantId } = scope;
    // Serializes two owners who remove each other at the same time.
    if (tx.kind === 'postgres') await tx.$queryRaw`SELECT "id" FROM "Tenant" WHERE "id" = ${tenantId} FOR UPDATE`;
    return editVersioned(read, {
      find: (id) => findUser(tx, scope, id),
      update: async (where, before) => {
        const edited = await tx.user.updateMany({
          where: { ...where, tenantId },
          data: { ...changes, version: { increment: 1 } },
        });
        if (before.role === 'owner' && before.isActive) await requireOwner(tx, tenantId);
        if (changes.passwordHash !== undefined || changes.isActive === false)
          await tx.session.updateMany({ where: { userId: read.id, revokedAt: null }, data: { revokedAt: now } });
        return edited;
      },
    });
  });

const requireOwner = async (tx: DbClient, tenantId: string): Promise<void> => {
  if ((await tx.user.count({ where: { tenantId, role: 'owner', isActive: true } })) === 0)
    throw new AppError('conflict', 'The tenant would be left without an active owner.');
};
