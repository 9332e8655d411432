/** Tenants in the database. Only admins change them. */
import type { DbClient } from '../database/open.ts';
import { editVersioned, type Edited, type RecordVersion } from '../database/edit-versioned.ts';
import { pageArgs, pageOf, type Page, type PageQuery } from '../database/paging.ts';

export const findTenantName = async (db: DbClient, id: string): Promise<string | null> =>
  (await db.tenant.findUnique({ where: { id }, select: { name: true } }))?.name ?? null;

export const tenantExists = async (db: DbClient, id: string): Promise<boolean> =>
  (await db.tenant.findUnique({ where: { id }, select: { id: true } })) !== null;

export type Tenant = Readonly<{
  id: string;
  name: string;
  isActive: boolean;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}>;

export const listTenants = async (
  db: DbClient,
  filter: Readonly<{ isActive?: boolean }>,
  page: PageQuery,
): Promise<Page<Tenant>> => {
  const where = filter;
  return pageOf(await db.tenant.findMany(pageArgs(where, page)), page);
};

export const findTenant = (db: DbClient, id: string): Promise<Tenant | null> => db.tenant.findUnique({ where: { id } });

export const insertTenant = (db: DbClient, tenant: Readonly<{ name: string }>): Promise<Tenant> =>
  db.tenant.create({ data: tenant });

export const editTenant = (
  db: DbClient,
  read: RecordVersion,
  changes: Readonly<{ name?: string; isActive?: boolean }>,
): Promise<Edited<Tenant>> =>
  editVersioned(read, {
    find: (id) => findTenant(db, id),
    update: (where) => db.tenant.updateMany({ where, data: { ...changes, version: { increment: 1 } } }),
  });

/** The tenants with this id or name; null: all. At most `limit`, by name. */
export const findTenants = (
  db: DbClient,
  idOrName: string | null,
  limit = 10,
): Promise<{ id: string; name: string }[]> =>
  db.tenant.findMany({
    where: idOrName === null ? {} : { OR: [{ id: idOrName }, { name: idOrName }] },
    orderBy: [{ name: 'asc' }, { id: 'asc' }],
    take: limit,
    select: { id: true, name: true },
  });
