/** A tenant's agents in the database: the names under which workers take its calls. */
import { transaction, type Db, type DbClient } from '../database/database.ts';
import {
  afterPosition,
  pageArgs,
  pageOf,
  whyNotEdited,
  type Edited,
  type Page,
  type PageQuery,
} from '../database/paging.ts';
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
  const where = { AND: [{ tenantId, ...filter }, afterPosition(page)] };
  return pageOf(await db.agent.findMany({ where, ...pageArgs(page) }), page);
};

export const findAgent = (db: DbClient, { tenantId }: TenantScope, id: string): Promise<Agent | null> =>
  db.agent.findFirst({ where: { id, tenantId } });

/** A tenant has one default: a new one takes the place of the old. */
const giveUpDefault = async (tx: DbClient, tenantId: string): Promise<void> => {
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
    if (agent.isDefault) await giveUpDefault(tx, tenantId);
    return tx.agent.create({ data: { ...agent, tenantId } });
  });

export const editAgent = (
  db: Db,
  scope: TenantScope,
  { id, version }: Readonly<{ id: string; version: number | null }>,
  changes: Readonly<{ name?: string; isActive?: boolean; isDefault?: boolean }>,
): Promise<Edited<Agent>> =>
  transaction(db, async (tx) => {
    const { tenantId } = scope;
    const before = await findAgent(tx, scope, id);
    if (before === null || (version !== null && before.version !== version)) return whyNotEdited(before);
    if (changes.isDefault === true && !before.isDefault) await giveUpDefault(tx, tenantId);
    const { count } = await tx.agent.updateMany({
      where: { id, tenantId, version: before.version },
      data: { ...changes, version: { increment: 1 } },
    });
    const found = await findAgent(tx, scope, id);
    return count === 0 || found === null ? whyNotEdited(found) : found;
  });
