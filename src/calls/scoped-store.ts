/** A tenant's calls in the database, for people who read them or command their agents. */
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
import { callStatuses, type CallStatus } from '../protocol/call-status.ts';

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

/**
 * The filters that lead an index, the most selective first. Indexes with the status have the duration, too; a lead or a caller has few
 * calls. A campaign or lead of another tenant has none.
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
/** The index when none of those filters is given. */
const wholeTenant = {
  index: 'CallLog_tenantId_status_createdAt_id_duration_idx',
  hasStatus: true,
  is: (tenantId: string) => sql`"tenantId" = ${tenantId}`,
} as const;

const textFilters = (filter: CallFilter, names: readonly ((typeof keyNames)[number] | 'status')[]): Sql[] =>
  names.flatMap((name) => (filter[name] === undefined ? [] : [isText(name, filter[name])]));

/** `isInIndex`: the index alone tells whether a record meets the filters. */
const callsInOrder = (tenantId: string, filter: CallFilter): Listing & Readonly<{ isInIndex: boolean }> => {
  const name = keyNames.find((one) => filter[one] !== undefined);
  const { index, hasStatus, is } = name === undefined ? wholeTenant : keys[name];
  const { status, minDuration, maxDuration, since, until } = filter;
  const condition = is(tenantId, (name === undefined ? undefined : filter[name]) ?? '');
  const others = keyNames.filter((one) => one !== name);
  const asked = status === undefined ? callStatuses : [status];
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

/** Lists aren't ordered by duration; when few calls have the wanted ones, all of those can be read. */
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

/** Usually the newest few calls fill the page, whatever the filters. */
const findCalls = async (db: DbClient, tenantId: string, filter: CallFilter, page: PageQuery): Promise<Found> => {
  const listing = callsInOrder(tenantId, filter);
  const found = await findPage(db, listing, page);
  if (!found.isCut) return found;
  const byDuration = callsByDuration(tenantId, filter);
  if (byDuration !== null && (await isShort(db, byDuration))) return findPage(db, byDuration, page, null);
  return listing.isInIndex ? findPage(db, listing, page, maxExamined.inIndex) : found;
};

/**
 * A page of calls. For combinations that no index answers a bounded number of calls is read: such a page may have fewer calls than its
 * limit, or none, although there are more.
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

/** More events than any call has, unless something went very wrong. */
const mostEvents = 1000;

/** One call with everything that belongs to it. */
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

/** What must be known of a call before its agent is given a command. */
export const findCommandableCall = (db: DbClient, { tenantId }: TenantScope, id: string) =>
  db.callLog.findFirst({
    where: { id, tenantId },
    select: { id: true, status: true, ownerId: true, campaignId: true, campaignVersionId: true },
  });

export type NewCommand = Readonly<{ type: 'end' | 'say' | 'transfer'; text: string | null; requestedBy: string }>;

/** Leaves a command for the service that owns the call, which is known to be the tenant's. */
export const insertCommand = async (
  db: DbClient,
  { tenantId }: TenantScope,
  callId: string,
  command: NewCommand,
): Promise<void> => {
  await db.callCommand.create({ data: { ...command, call: { connect: { id: callId, tenantId } } } });
};
