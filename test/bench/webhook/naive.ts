/** The reference of webhook.ts: Express 5 and Prisma, doing the contract's seven steps one after the other, as in a first version. */
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import express from 'express';
import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { z } from 'zod';
import { PrismaClient } from '#src/database/generated/sqlite/client.ts';
import { databaseFile } from '#src/database/address.ts';
import { keys } from '#test/support/signed.ts';

const prisma = new PrismaClient({ adapter: new PrismaBetterSqlite3({ url: databaseFile(process.argv[2] ?? '') }) });

/** A line for every call, as our side writes one. */
const log = pino({ base: null });

const schema = z.object({
  call_id: z.string().min(1),
  trunk_id: z.string().optional(),
  from_number: z.string(),
  to_number: z.string().min(1),
  room_name: z.string().min(1),
});

const normalize = (number: string): string => {
  const parsed = parsePhoneNumberFromString(number, 'US');
  return parsed?.isPossible() === true ? parsed.number : number;
};

const isSigned = (body: Buffer, header: string | undefined): boolean => {
  const expected = createHmac('sha256', keys.apiSecret).update(body).digest();
  const given = Buffer.from((header ?? '').replace('sha256=', ''), 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
};

const findNumber = (number: string) =>
  prisma.phoneNumber.findUnique({ where: { number }, include: { tenant: true, campaign: true } });

const findOrCreateLead = async (tenantId: string, campaignId: string, phoneNumber: string) => {
  const found = await prisma.lead.findUnique({ where: { campaignId_phoneNumber: { campaignId, phoneNumber } } });
  const lead =
    found ??
    (await prisma.lead.create({
      data: {
        tenantId,
        campaignId,
        phoneNumber,
        name: `Inbound Caller ${phoneNumber}`,
        metadata: { source: 'inbound' },
      },
    }));
  return prisma.lead.update({ where: { id: lead.id }, data: { status: 'calling', attempts: { increment: 1 } } });
};

const route = async (body: z.infer<typeof schema>) => {
  const repeated = await prisma.callLog.findUnique({ where: { callSid: body.call_id } });
  const open = repeated ?? (await prisma.callLog.findUnique({ where: { openRoom: body.room_name } }));
  if (open !== null) return { status: 200, answer: { agent_name: open.agentName } };
  const number = await findNumber(normalize(body.to_number));
  if (number === null || !number.isActive || !number.tenant.isActive) return { status: 404, answer: {} };
  const { campaign } = number;
  if (campaign !== null && campaign.status !== 'active') return { status: 404, answer: {} };
  if (campaign !== null) {
    const openCalls = await prisma.callLog.count({
      where: { campaignId: campaign.id, status: { in: ['ringing', 'in_progress'] } },
    });
    if (openCalls >= campaign.maxConcurrent) return { status: 409, answer: {} };
  }
  const agent = await prisma.agent.findFirst({ where: { tenantId: number.tenantId, isActive: true, isDefault: true } });
  const agentName = campaign?.agentName ?? agent?.name ?? 'telephony-agent';
  const caller = normalize(body.from_number);
  const lead = campaign === null ? null : await findOrCreateLead(number.tenantId, campaign.id, caller);
  const ids = { phone_number_id: number.id, tenant_id: number.tenantId, campaign_id: campaign?.id ?? null };
  await prisma.callLog.create({
    data: {
      leadId: lead?.id ?? null,
      campaignId: campaign?.id ?? null,
      tenantId: number.tenantId,
      phoneNumberId: number.id,
      phoneNumber: caller,
      dialedNumber: number.number,
      callSid: body.call_id,
      roomName: body.room_name,
      openRoom: body.room_name,
      status: 'ringing',
      agentName,
      metadata: { call_type: 'inbound', trunk_id: body.trunk_id ?? null, ...ids },
    },
  });
  const metadata = JSON.stringify({ call_type: 'inbound', ...ids, from_number: caller, to_number: number.number });
  const attributes = { inbound: 'true', phone_number: number.number, caller };
  return { status: 200, answer: { agent_name: agentName, metadata, attributes } };
};

const app = express();
app.use(express.raw({ type: '*/*' }));
app.post('/api/v1/webhooks/livekit/sip-inbound', async (request, response) => {
  const receivedAt = performance.now();
  const raw = request.body as Buffer;
  if (!isSigned(raw, request.header('x-livekit-signature'))) {
    response.status(401).json({});
    return;
  }
  const { status, answer } = await route(schema.parse(JSON.parse(raw.toString('utf8'))));
  log.info({ status, durationMs: Math.round(performance.now() - receivedAt) }, 'webhook answered');
  response.status(status).json(answer);
});

const server = app.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
await once(process, 'disconnect');
server.closeAllConnections();
server.close();
await prisma.$disconnect();
