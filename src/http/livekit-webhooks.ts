/** The webhooks: who takes a call (sip-inbound), what became of it (events), and a trial (test). Contract, sections 2, 3 and 5. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { sipInboundAnswerOf } from '../calls/answer.ts';
import { receiveCall, routeCall } from '../calls/receive-call.ts';
import { recordEvent } from '../calls/record-fact.ts';
import type { Context } from '../context.ts';
import { AppError } from '../errors.ts';
import { isAuthentic, unprovenKinds, explainUnproven, type SignedRequest } from '../livekit/webhook-auth.ts';
import { readableProblem, readWebhook } from '../livekit/webhook.ts';
import { createWebhookProbe, type WebhookProbe } from '../livekit/webhook-probe.ts';
import { may } from '../tenants/access.ts';
import type { TenantScope } from '../tenants/scope.ts';
import { name, text } from '../database/storable-text.ts';
import { authenticateRequest } from './conventions/access.ts';
import { snakeOf } from './conventions/snake-case.ts';
import { rejectErrors, sendError } from './conventions/errors.ts';

const id = name(300);
const number = text(300);

const inboundBody = z.object({
  call_id: id,
  from_number: number,
  to_number: number.min(1),
  room_name: id,
  trunk_id: text(300).nullish(),
  trunk_phone_number: number.nullish(),
  timestamp: z.unknown().optional(),
});

const trialBody = z.object({ to_number: number.min(1), from_number: number.default('') });

const checkBody = z.object({ room: id });

const readBody = <T>(schema: z.ZodType<T>, body: Buffer): T => {
  try {
    return schema.parse(JSON.parse(body.toString('utf8')));
  } catch (error) {
    throw new AppError('malformed', readableProblem(error), { cause: error });
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

/** The raw body of a request that proved its origin. Throws AppError `unproven`. */
const provenBody = async (
  { config }: Pick<Context, 'config'>,
  request: FastifyRequest,
  probe: WebhookProbe | null = null,
): Promise<Buffer> => {
  const signedRequest = signedOf(request);
  if (await isAuthentic(signedRequest, config.livekit)) return signedRequest.body;
  const why = probe === null ? null : explainUnproven(signedRequest, config.livekit);
  if (why !== null) probe?.recordUnproven(why);
  throw new AppError(
    'unproven',
    'The request proves neither by Authorization nor by X-LiveKit-Signature where it comes from.',
  );
};

const signed = { tags: ['webhooks'], security: [{ livekit: [] }, { signature: [] }] } as const;

/** What the documentation says of the webhooks; nothing is checked by it, since the bodies are proven first. */
const described = {
  sipInbound: {
    ...signed,
    summary: 'Which agent takes this call? Records the call',
    body: inboundBody,
    response: {
      200: z.object({
        agent_name: z.string(),
        metadata: z.string().describe('JSON'),
        attributes: z.record(z.string(), z.string()),
      }),
    },
  },
  events: {
    ...signed,
    summary: "What happened in a room: LiveKit's own webhooks, and the plain form",
    body: z.looseObject({
      event: z.string(),
      room: z.looseObject({ name: z.string(), duration: z.number().optional() }).optional(),
      participant: z.looseObject({ identity: z.string() }).optional(),
    }),
    response: { 200: z.object({ received: z.boolean(), effect: z.string() }) },
  },
  check: {
    ...signed,
    summary: 'For check:inbound: did an event of this room come, which it made for that?',
    body: checkBody,
    response: {
      200: z.object({
        arrived: z.boolean(),
        unproven: z
          .object({
            kind: z.enum(unprovenKinds),
            issuer: z.string().nullable().describe('The key that it names; anybody may have written it.'),
            count: z.number(),
            seconds_ago: z.number(),
          })
          .nullable()
          .describe('The last event of the last minute that proved nothing.'),
      }),
    },
  },
  trial: {
    tags: ['webhooks'],
    security: [{}, { bearer: [] }, ...signed.security],
    summary:
      'Routes as sip-inbound would, and writes nothing. In production: signed, or with the permission routing:explain',
    body: trialBody,
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
 * Whose numbers a trial may ask about; null: everybody's. Outside production nobody is asked who they are.
 * @throws AppError `unproven`, `forbidden`
 */
const trialScope = async (app: FastifyInstance, ctx: Context, request: FastifyRequest): Promise<TenantScope | null> => {
  if (!ctx.config.production) return null;
  if (await isAuthentic(signedOf(request), ctx.config.livekit)) return null;
  const { principal, scope } = await authenticateRequest(app, ctx, request);
  if (!may(principal, 'routing:explain')) throw new AppError('forbidden', 'This needs the permission routing:explain.');
  return scope;
};

/** The routes under /api/v1/webhooks that take a body. Bodies come as raw bytes: they are proven before they are parsed. */
export const webhookRoutes = (app: FastifyInstance, ctx: Context): void => {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/webhook+json'],
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  );
  app.post('/livekit/sip-inbound', { schema: described.sipInbound }, async (request, reply) => {
    const body = readBody(inboundBody, await provenBody(ctx, request));
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
  app.post('/test', { schema: described.trial }, async (request, reply) => {
    const within = await trialScope(app, ctx, request);
    return reply.send(await tryRoute(ctx, readBody(trialBody, bytesOf(request)), within));
  });
};

/** What happened in LiveKit's rooms, and whether any news of them reach this process at all. */
const eventRoutes = (app: FastifyInstance, ctx: Context): void => {
  const probe = createWebhookProbe(ctx.now);
  app.post('/livekit/events', { schema: described.events }, async (request, reply) => {
    const body = await provenBody(ctx, request, probe);
    probe.recordAuthentic(body);
    const event = readWebhook(body, ctx.now());
    const effect = event === 'ignored' ? 'ignored' : await recordEvent(ctx, event);
    return reply.send({ received: true, effect });
  });
  app.post('/livekit/check', { schema: described.check }, async (request, reply) => {
    const { room } = readBody(checkBody, await provenBody(ctx, request));
    const { arrived, unproven } = probe.status(room);
    return reply.send({ arrived, unproven: unproven === null ? null : snakeOf(unproven) });
  });
};

const tryRoute = async (ctx: Context, query: z.infer<typeof trialBody>, within: TenantScope | null) => {
  const { facts, decision } = await routeCall(ctx, { to: query.to_number, trunkId: null, within });
  return {
    decision: decision.kind,
    reasons: decision.reasons,
    number: facts === null ? null : { id: facts.number.id, number: facts.number.number },
    tenant: facts === null ? null : { id: facts.tenant.id, name: facts.tenant.name },
    campaign: facts?.campaign == null ? null : { id: facts.campaign.id, name: facts.campaign.name },
    agent_name: decision.kind === 'accept' ? decision.agentName : null,
  };
};
