/** /api/v1/calls: what was called, and what became of it. */
import { callStatuses } from '../../protocol/call-status.ts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { findCallRecord, listCalls, type CallFilter, type CallRecord } from '../../calls/scoped-store.ts';
import { eraseCaller } from '../../calls/privacy/erase-caller.ts';
import { listErasures, type Receipt } from '../../calls/privacy/erasure-scoped-store.ts';
import { sendCommand } from '../../calls/control/send-command.ts';
import type { Context } from '../../context.ts';
import { name, text } from '../../database/storable-text.ts';
import type { Guard } from '../conventions/access.ts';
import { snakeOf } from '../conventions/snake-case.ts';
import { timestampInput, id, timestamp } from '../conventions/fields.ts';
import { createRoute, getRoute, idOf, listRoute } from '../conventions/resource-routes.ts';

const json = z.object({
  id,
  status: z.enum(callStatuses),
  direction: z.enum(['inbound', 'outbound']),
  phone_number: z.string().describe('The caller.'),
  dialed_number: z.string(),
  phone_number_id: z.string().nullable(),
  lead_id: z.string().nullable(),
  campaign_id: z.string().nullable(),
  campaign_version_id: z.string().nullable().describe('The settings that it ran with.'),
  agent_name: z.string().nullable(),
  reject_reason: z.string().nullable(),
  end_reason: z.string().nullable(),
  call_sid: z.string(),
  room_name: z.string(),
  answered_at: timestamp.nullable(),
  ended_at: timestamp.nullable(),
  duration: z.number().nullable().describe('Whole seconds.'),
  created_at: timestamp,
  updated_at: timestamp,
});

const full = json.extend({
  timings: z
    .unknown()
    .describe(
      'Pick-up, in ms. `entered`: when the call process began, since the call came in; the others: since then, before it negative.',
    ),
  metadata: z.unknown(),
  turns: z.array(
    z.object({
      seq: z.number(),
      role: z.enum(['agent', 'caller', 'tool']),
      text: z.string(),
      start_ms: z.number().describe('Since the call came in.'),
      end_ms: z.number(),
      interrupted: z.boolean(),
      latency: z
        .unknown()
        .describe(
          "In ms. Since the caller's last sound: `transcript`, `endOfTurn` of their turn, `modelAsked`, `voiceAsked` and `heard` of the " +
            'reply. For themselves: `firstToken` of the model, `firstAudio` of the voice. `discarded`: so many answers were begun before ' +
            'it, and thrown away as the caller went on.',
        ),
      tool_name: z.string().nullable(),
      tool_arguments: z.unknown(),
      tool_result: z.unknown(),
    }),
  ),
  messages: z
    .array(z.object({ id, name: z.string(), number: z.string(), reason: z.string(), created_at: timestamp }))
    .describe('What the agent took down for the tenant.'),
  events: z.array(z.object({ seq: z.number(), type: z.string(), data: z.unknown(), at: timestamp })),
});

const toJson = (call: CallRecord): z.output<typeof json> => snakeOf(call);

const seconds = z.coerce.number().int().min(0).max(1_000_000);

const query = {
  phone_number: text(100).exactOptional().describe('The caller, as recorded.'),
  phone_number_id: id.exactOptional().describe('The number that was dialled.'),
  lead_id: id.exactOptional(),
  campaign_id: id.exactOptional(),
  status: z.enum(callStatuses).exactOptional(),
  since: timestampInput.exactOptional().describe('Came in at this time or later.'),
  until: timestampInput.exactOptional().describe('Came in before.'),
  min_duration: seconds.exactOptional(),
  max_duration: seconds.exactOptional(),
};

const filterOf = (asked: z.output<z.ZodObject<typeof query>>): CallFilter => ({
  ...(asked.phone_number !== undefined && { phoneNumber: asked.phone_number }),
  ...(asked.phone_number_id !== undefined && { phoneNumberId: asked.phone_number_id }),
  ...(asked.lead_id !== undefined && { leadId: asked.lead_id }),
  ...(asked.campaign_id !== undefined && { campaignId: asked.campaign_id }),
  ...(asked.status !== undefined && { status: asked.status }),
  ...(asked.since !== undefined && { since: new Date(asked.since) }),
  ...(asked.until !== undefined && { until: new Date(asked.until) }),
  ...(asked.min_duration !== undefined && { minDuration: asked.min_duration }),
  ...(asked.max_duration !== undefined && { maxDuration: asked.max_duration }),
});

export const callRoutes = (app: FastifyInstance, ctx: Context, guard: Guard): void => {
  const { db } = ctx;
  const { scopeOf } = guard;
  const calls = { path: '/calls', singular: 'call', access: 'calls:read' } as const;
  listRoute(app, {
    ...calls,
    json,
    toJson,
    query,
    list: async (request, asked, page) => listCalls(db, scopeOf(request), filterOf(asked), page),
  });
  getRoute(app, {
    ...calls,
    json: full,
    toJson: ({ turns, messages, events, ...call }: NonNullable<Awaited<ReturnType<typeof findCallRecord>>>) => ({
      ...snakeOf(call),
      turns: turns.map(snakeOf),
      messages: messages.map(snakeOf),
      events: events.map(snakeOf),
    }),
    find: async (request, callId) => findCallRecord(db, scopeOf(request), callId),
  });
  for (const order of orders) orderRoute(app, ctx, guard, order);
  erasureRoutes(app, ctx, guard);
};

const sentence = text(1000);

/** What can be ordered of the agent of a running call, and which field of the body says more. */
const orders = [
  {
    type: 'end',
    summary: 'End a running call, with a last sentence if one is given',
    body: z.strictObject({ say: sentence.exactOptional() }),
    field: 'say',
  },
  {
    type: 'say',
    summary: 'Have the agent of a running call say something',
    body: z.strictObject({ text: sentence.min(1) }),
    field: 'text',
  },
  {
    type: 'transfer',
    summary: 'Have the caller of a running call connected with one of the transfer_destinations of its campaign',
    body: z.strictObject({ destination: name(100) }),
    field: 'destination',
  },
] as const;

const ordered = z.object({ ordered: z.literal(true).describe('The call shows among its events what becomes of it.') });

const orderRoute = (
  app: FastifyInstance,
  ctx: Context,
  { scopeOf, principalOf }: Guard,
  { type, summary, body, field }: (typeof orders)[number],
): void => {
  const schema = { tags: ['calls'], summary, params: z.object({ id }), body, response: { 202: ordered } };
  app.post(`/calls/:id/${type}`, {
    config: { access: 'calls:control' },
    schema,
    handler: async (request, reply) => {
      const given = (request.body as Record<string, string>)[field] ?? null;
      const order = { type, text: given, requestedBy: principalOf(request).id };
      await sendCommand(ctx, scopeOf(request), idOf(request), order);
      return reply.code(202).send({ ordered: true });
    },
  });
};

const receiptJson = z.object({
  id,
  calls: z.number().describe('Whose number and room were erased.'),
  turns: z.number(),
  messages: z.number(),
  leads: z.number(),
  erased_by: z.string().describe('The id of the user or token.'),
  created_at: timestamp,
});

const receiptToJson = (receipt: Receipt): z.output<typeof receiptJson> => snakeOf(receipt);

/** A caller who wants to be forgotten. */
const erasureRoutes = (app: FastifyInstance, ctx: Context, { scopeOf, principalOf }: Guard): void => {
  const erasures = { path: '/erasures', singular: 'erasure', json: receiptJson, toJson: receiptToJson } as const;
  listRoute(app, {
    ...erasures,
    access: 'leads:read',
    query: {},
    list: async (request, _query, page) => listErasures(ctx.db, scopeOf(request), page),
  });
  createRoute(app, {
    ...erasures,
    access: 'callers:erase',
    summary: 'Erase a caller: their leads, what was said, and their number in the records of their calls',
    body: { phone_number: text(100).min(1).describe('As people write it, or as a call shows it.') },
    create: async (request, { phone_number: caller }) =>
      eraseCaller(ctx, scopeOf(request), { caller, by: principalOf(request).id }),
  });
};
