/** /api/v1/calls: the records of calls, and commands to the agent of a running call. */
import { callStatuses } from '../../protocol/call-status.ts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { findCallRecord, listCalls, type CallFilter, type CallRecord } from '../../calls/scoped-store.ts';
import { sendCommand } from '../../calls/control/send-command.ts';
import type { Context } from '../../context.ts';
import { rejectReasons } from '../../routing/route.ts';
import { name, text } from '../../database/storable-text.ts';
import type { Guard } from '../conventions/access.ts';
import { snakeOf } from '../conventions/snake-case.ts';
import { timestampInput, id, timestamp } from '../conventions/fields.ts';
import { getRoute, idOf, listRoute } from '../conventions/resource-routes.ts';

const json = z.object({
  id,
  status: z.enum(callStatuses),
  direction: z.enum(['inbound', 'outbound']),
  phone_number: z.string().describe('The caller, in E.164 if possible; anonymous:… if withheld.'),
  dialed_number: z.string().describe('In E.164 if possible.'),
  phone_number_id: z.string().nullable(),
  lead_id: z.string().nullable(),
  campaign_id: z.string().nullable(),
  campaign_version_id: z.string().nullable().describe('The campaign version that the call runs with.'),
  agent_name: z.string().nullable(),
  reject_reason: z
    .string()
    .nullable()
    .describe(`Of a rejected call: ${rejectReasons.join(', ')}.`),
  end_reason: z.string().nullable().describe('Why the call ended, such as caller_hangup, agent_hangup or time_limit.'),
  call_sid: z.string().describe('The SIP call id.'),
  room_name: z.string().describe('The LiveKit room.'),
  answered_at: timestamp.nullable(),
  ended_at: timestamp.nullable(),
  duration: z.number().nullable().describe('Seconds.'),
  created_at: timestamp,
  updated_at: timestamp,
});

const full = json.extend({
  timings: z
    .unknown()
    .describe(
      'How the call was picked up, in ms. `entered`: when the call process started, since the call came in. The others are relative to ' +
        '`entered`, and negative before it.',
    ),
  metadata: z.unknown(),
  turns: z.array(
    z.object({
      seq: z.number(),
      role: z.enum(['agent', 'caller', 'tool']),
      text: z.string(),
      start_ms: z.number().describe('Milliseconds since the call came in.'),
      end_ms: z.number(),
      interrupted: z.boolean(),
      latency: z
        .unknown()
        .describe(
          "In ms. Since the end of the caller's speech: `transcript`, `endOfTurn`, `modelAsked`, `voiceAsked` and `heard`. Since their own " +
            'request: `firstToken` of the model, `firstAudio` of the voice. `discarded`: the number of replies that were started earlier ' +
            'and discarded because the caller continued.',
        ),
      tool_name: z.string().nullable(),
      tool_arguments: z.unknown(),
      tool_result: z.unknown(),
    }),
  ),
  messages: z
    .array(z.object({ id, name: z.string(), number: z.string(), reason: z.string(), created_at: timestamp }))
    .describe('Messages that the agent took for the tenant.'),
  events: z.array(z.object({ seq: z.number(), type: z.string(), data: z.unknown(), at: timestamp })),
});

const toJson = (call: CallRecord): z.output<typeof json> => snakeOf(call);

const seconds = z.coerce.number().int().min(0).max(1_000_000);

const query = {
  phone_number: text(100).exactOptional().describe('The caller, as recorded.'),
  phone_number_id: id.exactOptional().describe('The dialed number.'),
  lead_id: id.exactOptional(),
  campaign_id: id.exactOptional(),
  status: z.enum(callStatuses).exactOptional(),
  since: timestampInput.exactOptional().describe('Created at this time or later.'),
  until: timestampInput.exactOptional().describe('Created before this time.'),
  min_duration: seconds.exactOptional().describe('Seconds.'),
  max_duration: seconds.exactOptional().describe('Seconds.'),
};

const filterOf = (filter: z.output<z.ZodObject<typeof query>>): CallFilter => ({
  ...(filter.phone_number !== undefined && { phoneNumber: filter.phone_number }),
  ...(filter.phone_number_id !== undefined && { phoneNumberId: filter.phone_number_id }),
  ...(filter.lead_id !== undefined && { leadId: filter.lead_id }),
  ...(filter.campaign_id !== undefined && { campaignId: filter.campaign_id }),
  ...(filter.status !== undefined && { status: filter.status }),
  ...(filter.since !== undefined && { since: new Date(filter.since) }),
  ...(filter.until !== undefined && { until: new Date(filter.until) }),
  ...(filter.min_duration !== undefined && { minDuration: filter.min_duration }),
  ...(filter.max_duration !== undefined && { maxDuration: filter.max_duration }),
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
    list: async (request, filter, page) => listCalls(db, scopeOf(request), filterOf(filter), page),
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
  for (const command of commands) commandRoute(app, ctx, guard, command);
};

const sentence = text(1000);

/** The commands to the agent of a running call, with the field of the body that has the text. */
const commands = [
  {
    type: 'end',
    summary: 'End a running call, after an optional last sentence',
    body: z.strictObject({ say: sentence.exactOptional() }),
    field: 'say',
  },
  {
    type: 'say',
    summary: 'Make the agent of a running call say a sentence',
    body: z.strictObject({ text: sentence.min(1) }),
    field: 'text',
  },
  {
    type: 'transfer',
    summary: 'Transfer a running call to one of the transfer_destinations of its campaign',
    body: z.strictObject({ destination: name(100) }),
    field: 'destination',
  },
] as const;

const commandAccepted = z.object({
  accepted: z.literal(true).describe("The outcome appears among the call's events."),
});

const commandRoute = (
  app: FastifyInstance,
  ctx: Context,
  { scopeOf, principalOf }: Guard,
  { type, summary, body, field }: (typeof commands)[number],
): void => {
  const schema = { tags: ['calls'], summary, params: z.object({ id }), body, response: { 202: commandAccepted } };
  app.post(`/calls/:id/${type}`, {
    config: { access: 'calls:control' },
    schema,
    handler: async (request, reply) => {
      const value = (request.body as Record<string, string>)[field] ?? null;
      const command = { type, text: value, requestedBy: principalOf(request).id };
      await sendCommand(ctx, scopeOf(request), idOf(request), command);
      return reply.code(202).send({ accepted: true });
    },
  });
};
