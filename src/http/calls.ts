/** /api/v1/calls: what was called, and what became of it. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { findCallRecord, listCalls, type CallFilter, type CallRecord } from '../calls/scoped-store.ts';
import type { Context } from '../context.ts';
import { text } from '../text.ts';
import type { Guard } from './access.ts';
import { snakeOf } from './case.ts';
import { givenTime, id, when } from './fields.ts';
import { getRoute, listRoute } from './resource.ts';

const statuses = ['ringing', 'in_progress', 'completed', 'rejected', 'failed'] as const;

const json = z.object({
  id,
  status: z.enum(statuses),
  direction: z.enum(['inbound', 'outbound']),
  phone_number: z.string().describe('The caller.'),
  dialled_number: z.string(),
  phone_number_id: z.string().nullable(),
  lead_id: z.string().nullable(),
  campaign_id: z.string().nullable(),
  campaign_version_id: z.string().nullable().describe('The settings that it ran with.'),
  agent_name: z.string().nullable(),
  reject_reason: z.string().nullable(),
  end_reason: z.string().nullable(),
  call_sid: z.string(),
  room_name: z.string(),
  answered_at: when.nullable(),
  ended_at: when.nullable(),
  duration: z.number().nullable().describe('Whole seconds.'),
  created_at: when,
  updated_at: when,
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
          "In ms. Since the caller's last sound: `transcript`, `endOfTurn` of their turn, `heard` of the reply. For themselves: " +
            '`firstToken` of the model, `firstAudio` of the voice.',
        ),
      tool_name: z.string().nullable(),
      tool_arguments: z.unknown(),
      tool_result: z.unknown(),
    }),
  ),
  messages: z
    .array(z.object({ id, name: z.string(), number: z.string(), reason: z.string(), created_at: when }))
    .describe('What the agent took down for the tenant.'),
  events: z.array(z.object({ seq: z.number(), type: z.string(), data: z.unknown(), at: when })),
});

const toJson = (call: CallRecord): z.output<typeof json> => snakeOf(call);

const seconds = z.coerce.number().int().min(0).max(1_000_000);

const query = {
  phone_number: text(100).exactOptional().describe('The caller, as recorded.'),
  phone_number_id: id.exactOptional().describe('The number that was dialled.'),
  lead_id: id.exactOptional(),
  campaign_id: id.exactOptional(),
  status: z.enum(statuses).exactOptional(),
  since: givenTime.exactOptional().describe('Came in at this time or later.'),
  until: givenTime.exactOptional().describe('Came in before.'),
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

export const callRoutes = (app: FastifyInstance, { db }: Context, { scopeOf }: Guard): void => {
  const calls = { path: '/calls', one: 'call', access: 'calls:read' } as const;
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
};
