/** A tenant's agents in the database: the LiveKit agent names that take its calls. */
import type { Db, DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import { editVersioned, type Edited, type RecordVersion } from '../database/edit-versioned.ts';
import { pageArgs, pageOf, type Page, type PageQuery } from '../database/paging.ts';
import type { TenantScope } from './scope.ts';

export type Agent = Readonly<{
  id: string;
  name: string;
  isActive: boolean;
  isDefault: boolean;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}>;

export const listAgents = async (
  db: DbClient,
  { tenantId }: TenantScope,
  filter: Readonly<{ isActive?: boolean }>,
  page: PageQuery,
): Promise<Page<Agent>> => {
  const where = { tenantId, ...filter };
  return pageOf(await db.agent.findMany(pageArgs(where, page)), page);
};

export const findAgent = (db: DbClient, { tenantId }: TenantScope, id: string): Promise<Agent | null> =>
  db.agent.findFirst({ where: { id, tenantId } });

/** A tenant has at most one default agent, so the old one loses the flag before a new one gets it. */
const removeDefault = async (tx: DbClient, tenantId: string): Promise<void> => {
  if (tx.kind === 'postgres') await tx.$queryRaw`SELECT "id" FROM "Tenant" WHERE "id" = ${tenantId} FOR UPDATE`;
  await tx.agent.updateMany({
    where: { tenantId, isDefault: true },
    data: { isDefault: false, version: { increment: 1 } },
  });
};

export const insertAgent = (
  db: Db,
  { tenantId }: TenantScope,
  agent: Readonly<{ name: string; isDefault: boolean }>,
): Promise<Agent> =>
  transaction(db, async (tx) => {
    if (agent.isDefault) await removeDefault(tx, tenantId);
    return tx.agent.create({ data: { ...agent, tenantId } });
  });

export const editAgent = (
  db: Db,
  scope: TenantScope,
  read: RecordVersion,
  changes: Readonly<{ name?: string; isActive?: boolean; isDefault?: boolean }>,
): Promise<Edited<Agent>> =>
  transaction(db, (tx) =>
    editVersioned(read, {
      find: (id) => findAgent(tx, scope, id),
      update: async (where, before) => {
        const { tenantId } = scope;
        if (changes.isDefault === true && !before.isDefault) await removeDefault(tx, tenantId);
        return tx.agent.updateMany({
          where: { ...where, tenantId },
          data: { ...changes, version: { increment: 1 } },
        });
      },
    }),
  );
