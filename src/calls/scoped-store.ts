/** A tenant's calls in the database, for people who look: nobody changes a call from here. */
import type { DbClient } from '../db.ts';
import { afterPosition, pageArgs, pageOf, type Page, type PageQuery } from '../records.ts';
import type { TenantScope } from '../tenants/scope.ts';
import type { CallStatus } from './call.ts';

const shown = {
  id: true,
  status: true,
  direction: true,
  phoneNumber: true,
  dialledNumber: true,
  phoneNumberId: true,
  leadId: true,
  campaignId: true,
  campaignVersionId: true,
  agentName: true,
  rejectReason: true,
  endReason: true,
  callSid: true,
  roomName: true,
  answeredAt: true,
  endedAt: true,
  duration: true,
  createdAt: true,
  updatedAt: true,
} as const;

export type CallRecord = Readonly<{
  id: string;
  status: CallStatus;
  direction: 'inbound' | 'outbound';
  phoneNumber: string;
  dialledNumber: string;
  phoneNumberId: string | null;
  leadId: string | null;
  campaignId: string | null;
  campaignVersionId: string | null;
  agentName: string | null;
  rejectReason: string | null;
  endReason: string | null;
  callSid: string;
  roomName: string;
  answeredAt: Date | null;
  endedAt: Date | null;
  duration: number | null;
  createdAt: Date;
  updatedAt: Date;
}>;

/** Times include `since` and exclude `until`; durations, in whole seconds, include both ends. */
export type CallFilter = Readonly<{
  phoneNumber?: string;
  phoneNumberId?: string;
  leadId?: string;
  campaignId?: string;
  status?: CallStatus;
  since?: Date;
  until?: Date;
  minDuration?: number;
  maxDuration?: number;
}>;

/** Up to so many calls of a duration are picked by it; of more, one is soon met on the way back through time. */
const fewCalls = 500;

const range = <T>(low: T | undefined, high: T | undefined) => ({
  ...(low !== undefined && { gte: low }),
  ...(high !== undefined && { lte: high }),
});

/** Durations have no place in the order of a list: where they are rare they are looked up first. */
const durationCondition = async (db: DbClient, tenantId: string, { minDuration, maxDuration }: CallFilter) => {
  if (minDuration === undefined && maxDuration === undefined) return {};
  const duration = range(minDuration, maxDuration);
  const few = await db.callLog.findMany({ where: { tenantId, duration }, select: { id: true }, take: fewCalls + 1 });
  return few.length > fewCalls ? { duration } : { duration, id: { in: few.map(({ id }) => id) } };
};

const timeCondition = ({ since, until }: CallFilter) =>
  since === undefined && until === undefined
    ? {}
    : { createdAt: { ...(since !== undefined && { gte: since }), ...(until !== undefined && { lt: until }) } };

export const listCalls = async (
  db: DbClient,
  { tenantId }: TenantScope,
  filter: CallFilter,
  page: PageQuery,
): Promise<Page<CallRecord>> => {
  const { since: _since, until: _until, minDuration: _min, maxDuration: _max, ...equal } = filter;
  const conditions = [
    { tenantId, ...equal },
    timeCondition(filter),
    await durationCondition(db, tenantId, filter),
    afterPosition(page),
  ];
  return pageOf(await db.callLog.findMany({ where: { AND: conditions }, select: shown, ...pageArgs(page) }), page);
};

/** More events than a call has, unless something went very wrong. */
const mostEvents = 1000;

/** One call with all that belongs to it. */
export const findCallRecord = async (db: DbClient, { tenantId }: TenantScope, id: string) =>
  db.callLog.findFirst({
    where: { id, tenantId },
    select: {
      ...shown,
      timings: true,
      metadata: true,
      turns: { orderBy: { seq: 'asc' }, omit: { id: true, callId: true, createdAt: true } },
      messages: { orderBy: { createdAt: 'asc' }, omit: { callId: true } },
      events: { orderBy: { seq: 'asc' }, take: mostEvents, omit: { callId: true } },
    },
  });
