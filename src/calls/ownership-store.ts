/** Who holds a call, and who may do something about one that nobody holds, in the database: between machines, the first one wins. */
import type { DbClient } from '../database/open.ts';
import { openStatuses, type OpenStatus } from '../protocol/call-status.ts';
import type { Call } from './call.ts';

export type Ownership = Readonly<{
  ownerId: string;
  leaseUntil: Date;
  jobId: string;
  agentIdentity: string;
  callerIdentity: string;
}>;

/** How long a call stays its owner's without a renewal. */
export const leaseMs = 15_000;

/** Puts an agent on an open call that has none; false where somebody was quicker. */
export const takeOwnership = async (db: DbClient, callId: string, hold: Ownership, now: Date): Promise<boolean> => {
  const { count } = await db.callLog.updateMany({
    where: {
      id: callId,
      status: { in: [...openStatuses] },
      OR: [{ ownerId: null }, { leaseUntil: { lt: now } }],
    },
    data: { ...hold, dispatchedAt: null, attempt: { increment: 1 }, version: { increment: 1 } },
  });
  return count === 1;
};

/** The agent of this job is gone: the call may be taken by another. */
export const releaseOwnership = async (db: DbClient, callId: string, jobId: string): Promise<boolean> => {
  const { count } = await db.callLog.updateMany({
    where: { id: callId, jobId, ownerId: { not: null } },
    data: { ownerId: null, leaseUntil: null, version: { increment: 1 } },
  });
  return count === 1;
};

/** Says that this owner still has the links of its open calls. */
export const renewLeases = async (db: DbClient, ownerId: string, leaseUntil: Date): Promise<void> => {
  await db.callLog.updateMany({ where: { ownerId, openRoom: { not: null } }, data: { leaseUntil } });
};

/**
 * The right to do something about an unattended call, such as to dispatch an agent: false where somebody else has just taken it. Who
 * has it has its time from now on.
 */
export const claimDispatch = async (db: DbClient, call: Call, now: Date): Promise<boolean> => {
  const { count } = await db.callLog.updateMany({
    where: { id: call.id, version: call.version },
    data: { dispatchedAt: now, ownerId: null, leaseUntil: null, version: { increment: 1 } },
  });
  return count === 1;
};

export type OrphanedQuery = Readonly<{
  now: Date;
  statuses: OpenStatus[];
  /** Also those of other services than `ownerId` whose leases are good. */
  leased: boolean;
  ownerId: string;
}>;

/** Open calls that no service has a link to. */
export const findOrphaned = (db: DbClient, { now, statuses, leased, ownerId }: OrphanedQuery): Promise<Call[]> =>
  db.callLog.findMany({
    where: {
      status: { in: statuses },
      OR: [{ ownerId: null }, leased ? { ownerId: { not: ownerId } } : { leaseUntil: { lt: now } }],
    },
    orderBy: { createdAt: 'asc' },
    take: 100,
  });

/** No agent could be asked for: the next look may. */
export const returnDispatch = async (db: DbClient, callId: string): Promise<void> => {
  await db.callLog.updateMany({
    where: { id: callId, ownerId: null },
    data: { dispatchedAt: null, version: { increment: 1 } },
  });
};

/**
 * The agent left the room of a call that another service than `ownerId` has: unless that service renews it, its lease ends at
 * `leaseUntil`.
 */
export const shortenLease = async (
  db: DbClient,
  {
    roomName,
    agentIdentity,
    ownerId,
    leaseUntil,
  }: Readonly<Record<'roomName' | 'agentIdentity' | 'ownerId', string>> & Readonly<{ leaseUntil: Date }>,
): Promise<void> => {
  await db.callLog.updateMany({
    where: { openRoom: roomName, agentIdentity, ownerId: { not: ownerId }, leaseUntil: { gt: leaseUntil } },
    data: { leaseUntil },
  });
};
