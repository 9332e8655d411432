/**
 * The webhooks: which agent takes a call (sip-inbound), what happened to it (events), and a dry run of the routing (test). See
 * docs/contract.md, sections 2, 3 and 5.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { sipInboundAnswerOf } from '../calls/answer.ts';
import { receiveCall, routeCall } from '../calls/receive-call.ts';
import { recordEvent } from '../calls/record-fact.ts';
import type { Context } from '../context.ts';
import { AppError } from '../errors.ts';
import { isAuthentic, unprovenKinds, explainUnproven, type SignedRequest } from '../livekit/webhook-auth.ts';
import { describeParseError, readWebhook } from '../livekit/webhook.ts';
import { createWebhookProbe, type WebhookProbe } from '../livekit/webhook-probe.ts';
import type { TenantScope } from '../tenants/scope.ts';
import { name, text } from '../database/storable-text.ts';
import { authenticateRequest, requirePermission } from './conventions/access.ts';
import { snakeOf } from './conventions/snake-case.ts';
import { errorHandler, rejectErrors, sendError } from './conventions/errors.ts';

const id = name(300);
const number = text(300);

const inboundBody = z.object({
  call_id: id,
  from_number: number.describe('Empty or "anonymous" if withheld.'),
  to_number: number.min(1).describe('The dialed number.'),
  room_name: id.describe('The LiveKit room of the call.'),
  trunk_id: text(300).nullish().describe('ST_…: the LiveKit trunk of the call.'),
  trunk_phone_number: number.nullish(),
  timestamp: z.unknown().optional().describe('Ignored.'),
});

const testBody = z.object({ to_number: number.min(1), from_number: number.default('') });

const probeBody = z.object({ room: id });

const readBody = <T>(schema: z.ZodType<T>, body: Buffer): T => {
  try {
    return schema.parse(JSON.parse(body.toString('utf8')));
  } catch (err) {
    throw new AppError('malformed', describeParseError(err), { cause: err });
  }
};

const bytesOf = (request: FastifyRequest): Buffer => (Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));

const headerOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;

const signedOf = (request: FastifyRequest): SignedRequest => ({
  body: bytesOf(request),
  authorization: request.headers.authorization,
  signature: headerOf(request.headers['x-livekit-signature']),
});

/**
 * The raw body of an authenticated request.
 * @throws AppError `unproven`
 */
const authenticBody = async (
  { config }: Pick<Context, 'config'>,
  request: FastifyRequest,
  probe: WebhookProbe | null = null,
): Promise<Buffer> => {
  const signedRequest = signedOf(request);
  if (await isAuthentic(signedRequest, config.livekit)) return signedRequest.body;
  const why = probe === null ? null : explainUnproven(signedRequest, config.livekit);
  if (why !== null) probe?.recordUnproven(why);
  throw new AppError('unproven', 'Authentication failed: neither Authorization nor X-LiveKit-Signature is valid.');
};

const signed = { tags: ['webhooks'], security: [{ livekit: [] }, { signature: [] }] } as const;

/** For the documentation only: bodies are authenticated before they are parsed and validated. */
const schemas = {
  sipInbound: {
    ...signed,
    summary: 'Route an inbound call: records it and returns the agent that takes it',
    body: inboundBody,
    response: {
      200: z.object({
        agent_name: z.string(),
        metadata: z.string().describe('JSON.'),
        attributes: z.record(z.string(), z.string()),
      }),
    },
  },
  events: {
    ...signed,
    summary: "Report an event of a room: LiveKit's own webhooks, or the plain form",
    body: z.looseObject({
      event: z.string(),
      room: z.looseObject({ name: z.string(), duration: z.number().optional() }).optional(),
      participant: z.looseObject({ identity: z.string() }).optional(),
    }),
    response: {
      200: z.object({
        received: z.boolean(),
        effect: z.string().describe('recorded, repeated, no_call, full or ignored.'),
      }),
    },
  },
  probe: {
    ...signed,
    summary: 'For check:inbound: has an event of its test room arrived?',
    body: probeBody,
    response: {
      200: z.object({
        arrived: z.boolean(),
        unproven: z
          .object({
            kind: z.enum(unprovenKinds),
            issuer: z.string().nullable().describe('The API key that the request names; not verified.'),
            count: z.number(),
            seconds_ago: z.number(),
          })
          .nullable()
          .describe('The latest event within the last minute that failed authentication.'),
      }),
    },
  },
  test: {
    tags: ['webhooks'],
    security: [{}, { bearer: [] }, ...signed.security],
    summary:
      'Dry run of sip-inbound: routes a call without recording it. In production, requires a signature or the permission routing:explain',
    body: testBody,
    response: {
      200: z.object({
        decision: z.enum(['accept', 'reject']),
        reasons: z.array(z.string()),
        number: z.object({ id: z.string(), number: z.string() }).nullable(),
        tenant: z.object({ id: z.string(), name: z.string() }).nullable(),
        campaign: z.object({ id: z.string(), name: z.string() }).nullable(),
        agent_name: z.string().nullable(),
      }),
    },
  },
} as const;

/**
 * The tenant whose numbers a dry run may route; null: any. Outside production it needs no authentication.
 * @throws AppError `unproven`, `forbidden`
 */
const testScope = async (app: FastifyInstance, ctx: Context, request: FastifyRequest): Promise<TenantScope | null> => {
  if (!ctx.config.production) return null;
  if (await isAuthentic(signedOf(request), ctx.config.livekit)) return null;
  const { principal, scope } = await authenticateRequest(app, ctx, request);
  requirePermission(principal, 'routing:explain');
  return scope;
};

/** The options of a route that records something about a call. */
const recordingRoute = ({ log }: Pick<Context, 'log'>) => ({
  errorHandler: errorHandler(log, 'The call could not be recorded: the database is unavailable. Try again shortly.'),
});

/** The routes under /api/v1/webhooks that take a body, as raw bytes: it is authenticated before it is parsed. */
export const webhookRoutes = (app: FastifyInstance, ctx: Context): void => {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/webhook+json'],
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  );
  app.post('/livekit/sip-inbound', { schema: schemas.sipInbound, ...recordingRoute(ctx) }, async (request, reply) => {
    const body = readBody(inboundBody, await authenticBody(ctx, request));
    const outcome = await receiveCall(ctx, {
      source: 'webhook',
      callSid: body.call_id,
      roomName: body.room_name,
      from: body.from_number,
      to: body.to_number,
      trunkId: body.trunk_id === undefined || body.trunk_id === '' ? null : body.trunk_id,
      callerIdentity: null,
    });
    if (outcome.kind === 'accept') return reply.send(sipInboundAnswerOf(outcome.call, outcome.agentName));
    const [code, message] = rejectErrors[outcome.reason];
    return sendError(reply, code, message);
  });
  eventRoutes(app, ctx);
  app.post('/test', { schema: schemas.test }, async (request, reply) => {
    const scope = await testScope(app, ctx, request);
    return reply.send(await dryRun(ctx, readBody(testBody, bytesOf(request)), scope));
  });
};

/** Events of rooms, and whether they reach this process at all. */
const eventRoutes = (app: FastifyInstance, ctx: Context): void => {
  const probe = createWebhookProbe(ctx.now);
  app.post('/livekit/events', { schema: schemas.events, ...recordingRoute(ctx) }, async (request, reply) => {
    const body = await authenticBody(ctx, request, probe);
    probe.recordAuthentic(body);
    const event = readWebhook(body, ctx.now());
    const effect = event === 'ignored' ? 'ignored' : await recordEvent(ctx, event);
    return reply.send({ received: true, effect });
  });
  app.post('/livekit/check', { schema: schemas.probe }, async (request, reply) => {
    const { room } = readBody(probeBody, await authenticBody(ctx, request));
    const { arrived, unproven } = probe.status(room);
    return reply.send({ arrived, unproven: unproven === null ? null : snakeOf(unproven) });
  });
};

const dryRun = async (ctx: Context, query: z.infer<typeof testBody>, scope: TenantScope | null) => {
  const { facts, decision } = await routeCall(ctx, { to: query.to_number, trunkId: null, within: scope });
  return {
    decision: decision.kind,
    reasons: decision.reasons,
    number: facts === null ? null : { id: facts.number.id, number: facts.number.number },
    tenant: facts === null ? null : { id: facts.tenant.id, name: facts.tenant.name },
    campaign: facts?.campaign == null ? null : { id: facts.campaign.id, name: facts.campaign.name },
    agent_name: decision.kind === 'accept' ? decision.agentName : null,
  };
};
