/** The erasure of a tenant's callers, in the database. */
import type { DbClient } from '../../database/open.ts';
import { pageArgs, pageOf, type Page, type PageQuery } from '../../database/paging.ts';
import type { TenantScope } from '../../tenants/scope.ts';

/** Whether the caller is on a call. */
export const isOnTheLine = async (db: DbClient, { tenantId }: TenantScope, phoneNumber: string): Promise<boolean> =>
  (await db.callLog.count({ where: { tenantId, phoneNumber, openRoom: { not: null } } })) > 0;

type Erased = Readonly<{ calls: number; turns: number; messages: number }>;

/** Removes from a caller's calls who they are and what was said. That there were calls, when, and how they ended remains. */
export const eraseCalls = async (db: DbClient, { tenantId }: TenantScope, phoneNumber: string): Promise<Erased> => {
  const ofCaller = { call: { tenantId, phoneNumber } };
  const { count: turns } = await db.callTurn.deleteMany({ where: ofCaller });
  const { count: messages } = await db.callMessage.deleteMany({ where: ofCaller });
  await db.callCommand.deleteMany({ where: ofCaller });
  // Room names contain the caller's number.
  await db.$executeRaw`
    DELETE FROM "WebhookEvent" WHERE "callId" IN (
      SELECT "id" FROM "CallLog" WHERE "tenantId" = ${tenantId} AND "phoneNumber" = ${phoneNumber})`;
  const { count: calls } = await db.callLog.updateMany({
    where: { tenantId, phoneNumber },
    data: { phoneNumber: erased, roomName: erased, callerIdentity: null, leadId: null, version: { increment: 1 } },
  });
  return { calls, turns, messages };
};

const erased = 'erased';

export type Receipt = Readonly<{
  id: string;
  calls: number;
  turns: number;
  messages: number;
  leads: number;
  erasedBy: string;
  createdAt: Date;
}>;

const receipt = {
  ...{ id: true, calls: true, turns: true, messages: true, leads: true, erasedBy: true, createdAt: true },
} as const;

export const insertErasure = (
  db: DbClient,
  { tenantId }: TenantScope,
  data: Omit<Receipt, 'id' | 'createdAt'>,
): Promise<Receipt> => db.erasure.create({ data: { ...data, tenantId }, select: receipt });

export const listErasures = async (db: DbClient, { tenantId }: TenantScope, page: PageQuery): Promise<Page<Receipt>> =>
  pageOf(await db.erasure.findMany({ ...pageArgs({ tenantId }, page), select: receipt }), page);
