/** Clients of the API: an admin, and for each tenant an owner, an operator, a viewer and a machine. */
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import type { Db } from '#src/database/open.ts';
import { insertSession } from '#src/tenants/access-store.ts';
import { tokenScopes, type Role } from '#src/tenants/access.ts';
import { hashOf, newSecret } from '#src/tenants/secret.ts';

/** A hash that no password has, and that is cheap to compare. */
const unmatchable = `scrypt$1024$8$1$AAAA$${'A'.repeat(43)}`;

export const anHour = 3_600_000;

/** The access token of a new user, without the slow password hash. */
export const signIn = async (http: FastifyInstance, db: Db, role: Role, tenantId: string | null): Promise<string> => {
  const email = `${newSecret('tr').slice(3, 12)}@example.com`.toLowerCase();
  const user = await db.user.create({ data: { email, role, tenantId, passwordHash: unmatchable } });
  const now = new Date();
  const expiresAt = new Date(now.getTime() + anHour);
  const session = await insertSession(db, { userId: user.id, now, expiresAt, refreshHash: hashOf(newSecret('tr')) });
  await http.ready();
  return http.jwt.sign({ sid: session });
};

export const machineToken = async (
  db: Db,
  tenantId: string,
  scopes: readonly string[] = tokenScopes,
): Promise<string> => {
  const token = newSecret('ta');
  await db.apiToken.create({
    data: { tenantId, name: 'machine', hash: hashOf(token), hint: token.slice(0, 8), scopes: [...scopes] },
  });
  return token;
};

export type Ask = Readonly<{
  method?: 'GET' | 'POST' | 'PATCH';
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
}>;

/** Sends a request to a path below /api/v1. */
export const ask = (http: FastifyInstance, path: string, asked: Ask = {}): Promise<LightMyRequestResponse> =>
  http.inject({
    method: asked.method ?? (asked.body === undefined ? 'GET' : 'POST'),
    url: `/api/v1${path}`,
    headers: {
      ...(asked.token !== undefined && { authorization: `Bearer ${asked.token}` }),
      ...(asked.body !== undefined && { 'content-type': 'application/json' }),
      ...asked.headers,
    },
    ...(asked.body !== undefined && { payload: JSON.stringify(asked.body) }),
  });

/** Status and body of a response, to compare both at once. */
export const statusAndBody = (response: LightMyRequestResponse): [number, unknown] => [
  response.statusCode,
  response.body === '' ? null : response.json(),
];

/** A tenant with one record of every resource, by the tag of its routes, and one client of every kind. */
export type Company = Readonly<{
  tenantId: string;
  ids: Readonly<Record<string, string>>;
  tokens: Readonly<Record<'owner' | 'operator' | 'viewer' | 'machine', string>>;
}>;

const digits = (): string => String(Math.floor(Math.random() * 1e7)).padStart(7, '0');

export const makeCompany = async (http: FastifyInstance, db: Db): Promise<Company> => {
  const { id: tenantId } = await db.tenant.create({ data: { name: 'Company' } });
  const campaign = await db.campaign.create({
    data: { tenantId, name: 'Front desk', status: 'active', prompt: 'Help.' },
  });
  await db.campaignVersion.create({ data: { campaignId: campaign.id, number: 1, settings: {} } });
  const number = await db.phoneNumber.create({
    data: { tenantId, number: `+1858${digits()}`, campaignId: campaign.id },
  });
  const lead = await db.lead.create({
    data: { tenantId, campaignId: campaign.id, phoneNumber: `+1555${digits()}`, name: 'Bob' },
  });
  const call = await db.callLog.create({
    data: {
      ...{ tenantId, campaignId: campaign.id, leadId: lead.id, phoneNumberId: number.id, roomName: 'room' },
      ...{ phoneNumber: lead.phoneNumber, dialedNumber: number.number, callSid: newSecret('tr'), status: 'completed' },
      turns: { create: { seq: 0, role: 'agent', text: 'Hello!', startMs: 0, endMs: 900 } },
      messages: { create: { name: 'Bob', number: lead.phoneNumber, reason: 'a question' } },
      events: { create: { type: 'routed' } },
    },
  });
  const agent = await db.agent.create({ data: { tenantId, name: 'house-agent', isDefault: true } });
  const nothing = { calls: 0, turns: 0, messages: 0, leads: 0 };
  const erasure = await db.erasure.create({
    data: { tenantId, erasedBy: 'somebody', ...nothing },
  });
  const trunk = await db.platformTrunk.create({
    data: { tenantId, name: 'Trunk', twilioTrunkSid: `TK${digits()}${digits()}` },
  });
  const user = await db.user.create({
    data: {
      tenantId,
      role: 'viewer',
      email: `${newSecret('tr').toLowerCase()}@example.com`,
      passwordHash: unmatchable,
    },
  });
  const machine = await machineToken(db, tenantId);
  const kept = await db.apiToken.findFirstOrThrow({ where: { tenantId } });
  return {
    tenantId,
    ids: {
      tenants: tenantId,
      users: user.id,
      tokens: kept.id,
      'phone-numbers': number.id,
      'platform-trunks': trunk.id,
      campaigns: campaign.id,
      agents: agent.id,
      leads: lead.id,
      calls: call.id,
      erasures: erasure.id,
    },
    tokens: {
      owner: await signIn(http, db, 'owner', tenantId),
      operator: await signIn(http, db, 'operator', tenantId),
      viewer: await signIn(http, db, 'viewer', tenantId),
      machine,
    },
  };
};

/** Everything that the API can change, as text: it must stay the same when a client lacks permission. */
export const everything = async (db: Db): Promise<string> => {
  const order = { orderBy: { id: 'asc' } } as const;
  const rows = [
    await db.tenant.findMany(order),
    await db.user.findMany(order),
    await db.apiToken.findMany({ ...order, omit: { lastUsedAt: true, updatedAt: true } }),
    await db.phoneNumber.findMany(order),
    await db.platformTrunk.findMany(order),
    await db.campaign.findMany(order),
    await db.campaignVersion.findMany(order),
    await db.agent.findMany(order),
    await db.lead.findMany(order),
    await db.callLog.findMany(order),
    await db.callTurn.findMany(order),
    await db.callMessage.findMany(order),
    await db.callCommand.findMany(order),
    await db.erasure.findMany(order),
    await db.session.findMany({ ...order, where: { revokedAt: { not: null } } }),
  ];
  return JSON.stringify(rows);
};
