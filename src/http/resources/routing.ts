/** POST /api/v1/routing/explain: how a call would be routed, and why. */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { explainRoute } from '../../calls/preview/explain-route.ts';
import { rejectReasons } from '../../routing/route.ts';
import { text } from '../../database/storable-text.ts';
import type { Guard } from '../conventions/access.ts';
import { timestampInput, id } from '../conventions/fields.ts';
import { snakeOf } from '../conventions/snake-case.ts';

const named = z.object({ id, name: z.string() });

const query = z.strictObject({
  to: text(100).min(1).describe('The dialed number.'),
  from: text(100).default('').describe('The caller; empty if withheld.'),
  trunk_id: text(100).nullable().default(null).describe('ST_…: the LiveKit trunk of the call.'),
  at: timestampInput.exactOptional().describe('The time of the call; now by default.'),
});

const explanation = z.object({
  decision: z.enum(['accept', 'reject']),
  reject_reason: z.enum(rejectReasons).nullable(),
  reasons: z.array(z.string()),
  number: z.object({ id, number: z.string() }).nullable(),
  tenant: named.nullable(),
  campaign: named.nullable(),
  campaign_version: z.object({ id, number: z.number() }).nullable(),
  agent_name: z.string().nullable(),
  lead: named.nullable(),
  prompt: z.string().nullable(),
  greeting: z.string().nullable(),
});

export const routingRoutes = (app: FastifyInstance, ctx: Context, { scopeIfAny }: Guard): void => {
  app.withTypeProvider<ZodTypeProvider>().post('/routing/explain', {
    config: { access: 'routing:explain' },
    schema: {
      tags: ['routing'],
      summary: 'Explain how a call would be routed, without recording anything',
      body: query,
      response: { 200: explanation },
    },
    handler: async (request) => {
      const { to, from, trunk_id: trunkId, at } = request.body;
      const time = at === undefined ? ctx.now() : new Date(at);
      const explained = await explainRoute(ctx, scopeIfAny(request), { to, from, trunkId, at: time });
      return { ...snakeOf(explained), reasons: [...explained.reasons] };
    },
  });
};
