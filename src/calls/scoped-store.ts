/** A tenant's calls in the database, for people who look, or order something of their agents. */
import { sql, type Sql } from '@prisma/client-runtime-utils';
import type { DbClient } from '../database/open.ts';
import {
  findPage,
  isAtLeast,
  isAtMost,
  isShort,
  isText,
  maxExamined,
  recordsOf,
  type Found,
  type Listing,
} from '../database/keyset-list.ts';
import type { Page, PageQuery } from '../database/paging.ts';
import type { TenantScope } from '../tenants/scope.ts';
import { eventsOf } from './call.ts';
import type { CallStatus } from '../protocol/call-status.ts';

const shown = {
  id: true,
  status: true,
  direction: true,
  phoneNumber: true,
  dialedNumber: true,
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
  dialedNumber: string;
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

const statuses = Object.keys({
  ringing: true,
  in_progress: true,
  completed: true,
  rejected: true,
  failed: true,
} satisfies Record<CallStatus, true>);

/**
 * What may be asked for and leads an index, the most telling first. Those with the status have the duration too; the calls of a lead
 * or a caller are few. A campaign or lead of another tenant has no calls.
 */
const keys = {
  leadId: {
    index: 'CallLog_leadId_createdAt_id_idx',
    hasStatus: false,
    is: (tenantId: string, id: string) =>
      sql`"leadId" = (SELECT "id" FROM "Lead" WHERE "id" = ${id} AND "tenantId" = ${tenantId})`,
  },
  phoneNumber: {
    index: 'CallLog_tenantId_phoneNumber_createdAt_id_idx',
    hasStatus: false,
    is: (tenantId: string, number: string) => sql`"tenantId" = ${tenantId} AND "phoneNumber" = ${number}`,
  },
  phoneNumberId: {
    index: 'CallLog_tenantId_phoneNumberId_status_createdAt_id_duration_idx',
    hasStatus: true,
    is: (tenantId: string, id: string) => sql`"tenantId" = ${tenantId} AND "phoneNumberId" = ${id}`,
  },
  campaignId: {
    index: 'CallLog_campaignId_status_createdAt_id_duration_idx',
    hasStatus: true,
    is: (tenantId: string, id: string) =>
      sql`"campaignId" = (SELECT "id" FROM "Campaign" WHERE "id" = ${id} AND "tenantId" = ${tenantId})`,
  },
} as const;
const keyNames = ['leadId', 'phoneNumber', 'phoneNumberId', 'campaignId'] as const satisfies (keyof typeof keys)[];
/** Where none of them is asked for. */
const wholeTenant = {
  index: 'CallLog_tenantId_status_createdAt_id_duration_idx',
  hasStatus: true,
  is: (tenantId: string) => sql`"tenantId" = ${tenantId}`,
} as const;

const textFilters = (filter: CallFilter, names: readonly ((typeof keyNames)[number] | 'status')[]): Sql[] =>
  names.flatMap((name) => (filter[name] === undefined ? [] : [isText(name, filter[name])]));

/** `isInIndex`: no record has to be read to know whether it meets the filters. */
const callsInOrder = (tenantId: string, filter: CallFilter): Listing & Readonly<{ isInIndex: boolean }> => {
  const name = keyNames.find((one) => filter[one] !== undefined);
  const { index, hasStatus, is } = name === undefined ? wholeTenant : keys[name];
  const { status, minDuration, maxDuration, since, until } = filter;
  const condition = is(tenantId, (name === undefined ? undefined : filter[name]) ?? '');
  const others = keyNames.filter((one) => one !== name);
  const asked = status === undefined ? statuses : [status];
  const texts = textFilters(filter, hasStatus ? others : [...others, 'status']);
  return {
    ...{ table: 'CallLog', index, since, until },
    branches: hasStatus ? asked.map((one) => sql`${condition} AND "status" = ${one}`) : [condition],
    isInIndex: hasStatus && texts.length === 0,
    filters: [
      ...texts,
      ...(minDuration === undefined ? [] : [isAtLeast('duration', minDuration)]),
      ...(maxDuration === undefined ? [] : [isAtMost('duration', maxDuration)]),
    ],
  };
};

const longest = 2_147_483_647;

/** Durations have no place in the order of a list; where few calls have those that are asked for, all of them can be looked at. */
const callsByDuration = (tenantId: string, filter: CallFilter): Listing | null => {
  if (filter.minDuration === undefined && filter.maxDuration === undefined) return null;
  const { minDuration = 0, maxDuration = longest, since, until } = filter;
  const lasted = sql`"duration" >= ${minDuration} AND "duration" <= ${maxDuration}`;
  return {
    ...{ table: 'CallLog', index: 'CallLog_tenantId_duration_idx', since, until },
    branches: [sql`"tenantId" = ${tenantId} AND ${lasted}`],
    filters: textFilters(filter, [...keyNames, 'status']),
  };
};

/** Mostly the newest few calls fill the page, whatever they are filtered by. */
const findCalls = async (db: DbClient, tenantId: string, filter: CallFilter, page: PageQuery): Promise<Found> => {
  const listing = callsInOrder(tenantId, filter);
  const found = await findPage(db, listing, page);
  if (!found.isCut) return found;
  const byDuration = callsByDuration(tenantId, filter);
  if (byDuration !== null && (await isShort(db, byDuration))) return findPage(db, byDuration, page, null);
  return listing.isInIndex ? findPage(db, listing, page, maxExamined.inIndex) : found;
};

/**
 * A page of calls. Combinations that no index answers look at a bounded number of calls: their pages may hold fewer than asked
 * for, even none, although there are more.
 */
export const listCalls = async (
  db: DbClient,
  { tenantId }: TenantScope,
  filter: CallFilter,
  page: PageQuery,
): Promise<Page<CallRecord>> => {
  const { ids, next } = await findCalls(db, tenantId, filter, page);
  return { items: await db.callLog.findMany({ ...recordsOf(ids, tenantId), select: shown }), next };
};

/** More events than a call has, unless something went very wrong. */
const mostEvents = 1000;

/** One call with all that belongs to it. */
export const findCallRecord = async (db: DbClient, { tenantId }: TenantScope, id: string) => {
  const found = await db.callLog.findFirst({
    where: { id, tenantId },
    select: {
      ...shown,
      routing: true,
      timings: true,
      metadata: true,
      turns: { orderBy: { seq: 'asc' }, omit: { id: true, callId: true, createdAt: true } },
      messages: { orderBy: { createdAt: 'asc' }, omit: { callId: true } },
      events: { orderBy: { seq: 'asc' }, take: mostEvents, omit: { callId: true } },
    },
  });
  if (found === null) return null;
  const { routing, events, ...call } = found;
  return { ...call, events: eventsOf({ routing, ...call }, events) };
};

/** What is needed to know of a call to order something of its agent. */
export const findCommandableCall = (db: DbClient, { tenantId }: TenantScope, id: string) =>
  db.callLog.findFirst({
    where: { id, tenantId },
    select: { id: true, status: true, ownerId: true, campaignId: true, campaignVersionId: true },
  });

export type NewCommand = Readonly<{ type: 'end' | 'say' | 'transfer'; text: string | null; requestedBy: string }>;

/** Leaves an order for the service that has the call. The call is the tenant's: who orders has found it. */
export const insertCommand = async (
  db: DbClient,
  { tenantId }: TenantScope,
  callId: string,
  order: NewCommand,
): Promise<void> => {
  await db.callCommand.create({ data: { ...order, call: { connect: { id: callId, tenantId } } } });
};
