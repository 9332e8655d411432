/** Calls in the database: the CallLog and what belongs to it. */
import { v7 as uuid } from 'uuid';
import type { SpokenTurn } from '../protocol/messages.ts';
import type { DbClient } from '../database/open.ts';
import { eventsOf, type Call, type Routing } from './call.ts';
import { isOpen, noFacts, type CallFacts } from './lifecycle.ts';
import { figuresOf } from './timing/reply-timing.ts';
import type { TimedCall } from './timing/timing.ts';

export const findCall = (db: DbClient, id: string): Promise<Call | null> => db.callLog.findUnique({ where: { id } });

/** The open call of a room. */
export const findOpenCall = (db: DbClient, roomName: string): Promise<Call | null> =>
  db.callLog.findUnique({ where: { openRoom: roomName } });

export type KnownAs = 'callSid' | 'openRoom' | 'refusal';
type KnownRow = Readonly<{ id: string; knownAs: KnownAs }>;

/**
 * The calls that an incoming call may repeat, and what they are known by: the `callSid`, a room whose call is open, or a room in which a
 * call was refused since `refusedSince`. One statement on the path of every call: three indexes, usually no row.
 */
export const findKnownCalls = (
  db: DbClient,
  { callSid, roomName, refusedSince }: Readonly<{ callSid: string; roomName: string; refusedSince: Date }>,
): Promise<KnownRow[]> => db.$queryRaw<KnownRow[]>`
  SELECT "id", 'callSid' AS "knownAs", "createdAt" FROM "CallLog" WHERE "callSid" = ${callSid}
  UNION ALL
  SELECT "id", 'openRoom' AS "knownAs", "createdAt" FROM "CallLog" WHERE "openRoom" = ${roomName}
  UNION ALL
  SELECT "id", 'refusal' AS "knownAs", "createdAt" FROM "CallLog"
    WHERE "roomName" = ${roomName} AND "status" = 'rejected' AND "createdAt" >= ${refusedSince}
  ORDER BY 3 DESC`;

/** The calls of a room, the newest first, without refused ones. */
export const callsOfRoom = (db: DbClient, roomName: string): Promise<Call[]> =>
  db.callLog.findMany({
    where: { roomName, status: { not: 'rejected' } },
    orderBy: { createdAt: 'desc' },
    take: 5,
  });

type NewCall = Readonly<{
  callSid: string;
  roomName: string;
  phoneNumber: string;
  dialedNumber: string;
  status: 'ringing' | 'rejected';
  agentName: string | null;
  rejectReason: string | null;
  leadId: string | null;
  campaignId: string | null;
  campaignVersionId: string | null;
  tenantId: string | null;
  phoneNumberId: string | null;
  callerIdentity: string | null;
  trunkId: string | null;
  routing: Routing;
  createdAt: Date;
}>;

/** Creates the record of an incoming call. SQL, since it is on the path of every call: Prisma's `create` takes twice as long. */
export const insertCall = async (db: DbClient, { trunkId, routing, ...call }: NewCall): Promise<Call> => {
  const { leadId, campaignId, campaignVersionId, tenantId, phoneNumberId, status, createdAt } = call;
  const id = uuid();
  const openRoom = isOpen(status) ? call.roomName : null;
  const metadata = JSON.stringify({
    call_type: 'inbound',
    trunk_id: trunkId,
    phone_number_id: phoneNumberId,
    tenant_id: tenantId,
    campaign_id: campaignId,
  });
  await db.$executeRaw`
    INSERT INTO "CallLog" ("id", "leadId", "campaignId", "campaignVersionId", "tenantId", "phoneNumberId", "phoneNumber",
      "dialledNumber", "callSid", "roomName", "openRoom", "status", "agentName", "rejectReason", "callerIdentity", "metadata",
      "routing", "createdAt", "updatedAt")
    VALUES (${id}, ${leadId}, ${campaignId}, ${campaignVersionId}, ${tenantId}, ${phoneNumberId}, ${call.phoneNumber},
      ${call.dialedNumber}, ${call.callSid}, ${call.roomName}, ${openRoom}, ${status},
      ${call.agentName}, ${call.rejectReason}, ${call.callerIdentity}, ${metadata},
      ${JSON.stringify(routing)}, ${createdAt}, ${createdAt})`;
  return { ...call, id, openRoom, ...untouched };
};

/** Turns a refused call into an accepted one, for the warm-up. */
export const setRinging = async (db: DbClient, id: string): Promise<void> => {
  await db.callLog.update({ where: { id }, data: { status: 'ringing' } });
};

/** The rest of the record of a call to which nothing has happened yet. */
const untouched = {
  ...noFacts,
  version: 0,
  attempt: 0,
  transferTo: null,
  transferState: null,
  transferAskedAt: null,
  ownerId: null,
  leaseUntil: null,
  jobId: null,
  dispatchedAt: null,
  agentIdentity: null,
} as const;

/** Saves what `advance` returned for the call that was read; false if another version was saved meanwhile. */
export const saveFacts = async (db: DbClient, read: Call, facts: CallFacts): Promise<boolean> => {
  const { count } = await db.callLog.updateMany({
    where: { id: read.id, version: read.version },
    data: { ...facts, version: { increment: 1 }, openRoom: isOpen(facts.status) ? read.roomName : null },
  });
  return count === 1;
};

/** The rooms of open calls that came in before that time and had a caller or an agent. */
export const findOpenRooms = (
  db: DbClient,
  before: Date,
): Promise<Pick<Call, 'id' | 'roomName' | 'ownerId' | 'callerIdentity'>[]> =>
  db.callLog.findMany({
    where: {
      openRoom: { not: null },
      createdAt: { lt: before },
      OR: [{ status: 'in_progress' }, { callerIdentity: { not: null } }],
    },
    orderBy: { createdAt: 'asc' },
    take: 1000,
    select: { id: true, roomName: true, ownerId: true, callerIdentity: true },
  });

/** Remembers the caller's identity in the room, once. */
export const noteCaller = async (db: DbClient, callId: string, callerIdentity: string): Promise<void> => {
  await db.callLog.updateMany({ where: { id: callId, callerIdentity: null }, data: { callerIdentity } });
};

/** Appends an event to a call. @param data facts, never speech, names or numbers */
export const appendEvent = async (
  db: DbClient,
  callId: string,
  type: string,
  data: Record<string, string | number | boolean | null | readonly string[]>,
): Promise<void> => {
  await db.$executeRaw`
    INSERT INTO "CallEvent" ("callId", "type", "data", "at")
    VALUES (${callId}, ${type}, ${JSON.stringify(data)}, ${new Date()})`;
};

/** Whether a call has had an event of this type since then. */
export const hasEventSince = async (db: DbClient, callId: string, type: string, since: Date): Promise<boolean> =>
  (await db.callEvent.count({ where: { callId, type, at: { gte: since } } })) > 0;

/** The newest event of a type on a call. */
export const lastEvent = (db: DbClient, callId: string, type: string): Promise<{ at: Date; data: unknown } | null> =>
  db.callEvent.findFirst({ where: { callId, type }, orderBy: { seq: 'desc' }, select: { at: true, data: true } });

/** Saves a turn, replacing one with the same `seq`. Offsets count from the call's creation. */
export const saveTurn = async (db: DbClient, call: Pick<Call, 'id' | 'createdAt'>, turn: SpokenTurn): Promise<void> => {
  const offset = (at: number) => Math.max(0, Math.round(at - call.createdAt.getTime()));
  const values = {
    role: turn.role,
    text: turn.text,
    startMs: offset(turn.startedAt),
    endMs: offset(turn.endedAt),
    interrupted: turn.interrupted,
    ...(turn.latency === null ? {} : { latency: turn.latency }),
    ...(turn.tool === null
      ? {}
      : { toolName: turn.tool.name, toolArguments: jsonOf(turn.tool.arguments), toolResult: jsonOf(turn.tool.result) }),
  };
  await db.callTurn.upsert({
    where: { callId_seq: { callId: call.id, seq: turn.seq } },
    create: { callId: call.id, seq: turn.seq, ...values },
    update: values,
  });
};

const jsonOf = (value: unknown): string | number | boolean | object =>
  value === null || value === undefined
    ? {}
    : (JSON.parse(JSON.stringify(value)) as string | number | boolean | object);

export type Turn = Readonly<{ seq: number; role: 'agent' | 'caller' | 'tool'; text: string; interrupted: boolean }>;

export const listTurns = (db: DbClient, callId: string): Promise<Turn[]> =>
  db.callTurn.findMany({ where: { callId }, orderBy: { seq: 'asc' } });

export const saveMessage = async (
  db: DbClient,
  callId: string,
  message: Readonly<{ name: string; number: string; reason: string }>,
): Promise<void> => {
  await db.callMessage.create({ data: { callId, ...message } });
};

/** Merges stages of the pick-up, in ms by name; those of an earlier call host are dropped. To be called in a transaction. */
export const saveTimings = async (
  tx: DbClient,
  callId: string,
  news: Readonly<Record<string, number>>,
): Promise<void> => {
  const call = await tx.callLog.findUnique({ where: { id: callId }, select: { timings: true } });
  if (call === null) return;
  const known = figuresOf(call.timings);
  const timings = { ...(known['entered'] === news['entered'] && known), ...news };
  await tx.callLog.update({ where: { id: callId }, data: { timings } });
};

/** A call with everything that its timing is read from. */
export const findTimedCall = async (db: DbClient, id: string): Promise<TimedCall | null> => {
  const call = await db.callLog.findUnique({
    where: { id },
    select: {
      ...{ id: true, status: true, rejectReason: true, endReason: true, timings: true, routing: true },
      ...{ createdAt: true, answeredAt: true, endedAt: true },
      turns: {
        orderBy: { seq: 'asc' },
        select: { seq: true, role: true, startMs: true, endMs: true, latency: true },
      },
      events: { orderBy: { seq: 'asc' }, select: { seq: true, type: true, data: true, at: true } },
    },
  });
  return call === null ? null : { ...call, events: eventsOf(call, call.events) };
};

type InboxEntry = Readonly<{ id: string; event: string; roomName: string; callId: string }>;

/** Takes a webhook into the inbox; false if it is there already. To be called in the transaction that applies it. */
export const takeIntoInbox = async (tx: DbClient, entry: InboxEntry): Promise<boolean> => {
  if ((await tx.inboundEvent.findUnique({ where: { id: entry.id }, select: { id: true } })) !== null) return false;
  await tx.inboundEvent.create({ data: entry });
  return true;
};

/** The newest call of a room, with everything that belongs to it. */
export const callWithRecords = async (db: DbClient, roomName: string) => {
  const found = await db.callLog.findFirst({
    where: { roomName },
    orderBy: { createdAt: 'desc' },
    include: { lead: true, turns: { orderBy: { seq: 'asc' } }, messages: true },
  });
  if (found === null) return null;
  const { lead, turns, messages, ...call } = found;
  return { call, lead, turns, messages };
};

/** The turns of a room's calls that follow the turn `afterSeq`. */
export const findTurnsOfRoom = (db: DbClient, roomName: string, afterSeq: number): Promise<Turn[]> =>
  db.callTurn.findMany({ where: { call: { roomName }, seq: { gt: afterSeq } }, orderBy: { seq: 'asc' } });
