/** Which service owns a call, and which one may act on an orphaned call: between machines, the first one wins. */
import type { DbClient } from '../database/open.ts';
import { openStatuses, type OpenStatus } from '../protocol/call-status.ts';
import type { Call } from './call.ts';

type Ownership = Readonly<{
  ownerId: string;
  leaseUntil: Date;
  jobId: string;
  agentIdentity: string;
  callerIdentity: string;
}>;

/** How long a call stays its owner's without a renewal. */
export const leaseMs = 15_000;

/** Makes a job's agent the one of an open call that has none; false if another was quicker. */
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

/** The agent of this job is gone: another one may take the call. False if the call isn't this job's any more. */
export const releaseOwnership = async (db: DbClient, callId: string, jobId: string): Promise<boolean> => {
  const { count } = await db.callLog.updateMany({
    where: { id: callId, jobId, ownerId: { not: null } },
    data: { ownerId: null, leaseUntil: null, version: { increment: 1 } },
  });
  return count === 1;
};

/** Extends the leases of an owner's open calls. */
export const renewLeases = async (db: DbClient, ownerId: string, leaseUntil: Date): Promise<void> => {
  await db.callLog.updateMany({ where: { ownerId, openRoom: { not: null } }, data: { leaseUntil } });
};

/**
 * Claims the right to act on an orphaned call, such as to dispatch an agent; false if another service has just claimed it. The time for
 * the agent to come runs from now on.
 */
export const claimDispatch = async (db: DbClient, call: Call, now: Date): Promise<boolean> => {
  const { count } = await db.callLog.updateMany({
    where: { id: call.id, version: call.version },
    data: { dispatchedAt: now, ownerId: null, leaseUntil: null, version: { increment: 1 } },
  });
  return count === 1;
};

type OrphanedQuery = Readonly<{
  now: Date;
  statuses: OpenStatus[];
  /** Also calls of services other than `ownerId` whose leases haven't expired. */
  leased: boolean;
  ownerId: string;
}>;

/** Open calls that no service owns, the oldest first. */
export const findOrphaned = (db: DbClient, { now, statuses, leased, ownerId }: OrphanedQuery): Promise<Call[]> =>
  db.callLog.findMany({
    where: {
      status: { in: statuses },
      OR: [{ ownerId: null }, leased ? { ownerId: { not: ownerId } } : { leaseUntil: { lt: now } }],
    },
    orderBy: { createdAt: 'asc' },
    take: 100,
  });

/** No agent could be dispatched: the next check may try again. */
export const returnDispatch = async (db: DbClient, callId: string): Promise<void> => {
  await db.callLog.updateMany({
    where: { id: callId, ownerId: null },
    data: { dispatchedAt: null, version: { increment: 1 } },
  });
};

/**
 * The agent left the room of a call that a service other than `ownerId` owns: unless that service renews the lease, it ends at
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
