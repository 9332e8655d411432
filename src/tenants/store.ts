/** Tenants in the database. */
import type { DbClient } from '../db.ts';

export const findTenantName = async (db: DbClient, id: string): Promise<string | null> =>
  (await db.tenant.findUnique({ where: { id }, select: { name: true } }))?.name ?? null;
