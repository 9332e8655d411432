/** The webhooks: who takes a call (sip-inbound), what became of it (events), and a trial (test). Contract, sections 2, 3 and 5. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { answerOf } from '../calls/answer.ts';
import { receiveCall, routeCall } from '../calls/receive-call.ts';
import { recordEvent } from '../calls/record-event.ts';
import type { Context } from '../context.ts';
import { AppError } from '../errors.ts';
import { isProven } from '../livekit/proof.ts';
import { readableProblem, readWebhook } from '../livekit/webhook.ts';
import { refusals, sendError } from './errors.ts';

const id = z.string().trim().min(1).max(300);
const number = z.string().max(300);

const inboundBody = z.object({
  call_id: id,
  from_number: number,
  to_number: number.min(1),
  room_name: id,
  trunk_id: z.string().max(300).nullish(),
  trunk_phone_number: number.nullish(),
  timestamp: z.unknown().optional(),
});

const trialBody = z.object({ to_number: number.min(1), from_number: number.default('') });

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

/** The raw body of a request that proved its origin. Throws AppError `unproven`. */
const provenBody = async (ctx: Pick<Context, 'config'>, request: FastifyRequest): Promise<Buffer> => {
  const body = bytesOf(request);
  const { authorization } = request.headers;
  const signature = headerOf(request.headers['x-livekit-signature']);
  if (await isProven({ body, authorization, signature }, ctx.config.livekit)) return body;
  throw new AppError(
    'unproven',
    'The request proves neither by Authorization nor by X-LiveKit-Signature where it comes from.',
  );
};

/** The routes under /api/v1/webhooks that take a body. Bodies come as raw bytes: they are proven before they are parsed. */
export const webhookRoutes = (app: FastifyInstance, ctx: Context): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/webhook+json'],
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  );
  app.post('/livekit/sip-inbound', async (request, reply) => {
    const body = readBody(inboundBody, await provenBody(ctx, request));
    const outcome = await receiveCall(ctx, {
      door: 'asked',
      callSid: body.call_id,
      roomName: body.room_name,
      from: body.from_number,
      to: body.to_number,
      trunkId: body.trunk_id === undefined || body.trunk_id === '' ? null : body.trunk_id,
      callerIdentity: null,
    });
    if (outcome.kind === 'accept') return reply.send(answerOf(outcome.call, outcome.agentName));
    const [code, message] = refusals[outcome.reason];
    return sendError(reply, code, message);
  });
  app.post('/livekit/events', async (request, reply) => {
    const event = readWebhook(await provenBody(ctx, request), ctx.now());
    const effect = event === 'ignored' ? 'ignored' : await recordEvent(ctx, event);
    return reply.send({ received: true, effect });
  });
  app.post('/test', async (request, reply) => {
    const raw = ctx.config.production ? await provenBody(ctx, request) : bytesOf(request);
    return reply.send(await tryRoute(ctx, readBody(trialBody, raw)));
  });
};

const tryRoute = async (ctx: Context, query: z.infer<typeof trialBody>) => {
  const { facts, decision } = await routeCall(ctx, { to: query.to_number, trunkId: null });
  return {
    decision: decision.kind,
    reasons: decision.reasons,
    number: facts === null ? null : { id: facts.number.id, number: facts.number.number },
    tenant: facts === null ? null : { id: facts.tenant.id, name: facts.tenant.name },
    campaign: facts?.campaign == null ? null : { id: facts.campaign.id, name: facts.campaign.name },
    agent_name: decision.kind === 'accept' ? decision.agentName : null,
  };
};
