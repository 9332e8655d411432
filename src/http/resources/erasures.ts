/** /api/v1/erasures: erases everything that identifies a caller, and keeps a receipt. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { eraseCaller } from '../../calls/privacy/erase-caller.ts';
import { listErasures, type Receipt } from '../../calls/privacy/erasure-scoped-store.ts';
import type { Context } from '../../context.ts';
import { text } from '../../database/storable-text.ts';
import type { Guard } from '../conventions/access.ts';
import { id, timestamp } from '../conventions/fields.ts';
import { createRoute, listRoute } from '../conventions/resource-routes.ts';
import { snakeOf } from '../conventions/snake-case.ts';

const json = z.object({
  id,
  calls: z.number().describe('The calls whose phone number and room name were erased.'),
  turns: z.number().describe('The turns that were deleted.'),
  messages: z.number().describe('The messages that were deleted.'),
  leads: z.number().describe('The leads that were deleted.'),
  erased_by: z.string().describe('The id of the user or API token.'),
  created_at: timestamp,
});

const toJson = (receipt: Receipt): z.output<typeof json> => snakeOf(receipt);

export const erasureRoutes = (app: FastifyInstance, ctx: Context, { scopeOf, principalOf }: Guard): void => {
  const erasures = { path: '/erasures', singular: 'erasure', json, toJson } as const;
  listRoute(app, {
    ...erasures,
    access: 'leads:read',
    query: {},
    list: async (request, _query, page) => listErasures(ctx.db, scopeOf(request), page),
  });
  createRoute(app, {
    ...erasures,
    access: 'callers:erase',
    summary: 'Erase a caller: their leads, what was said, and their number in call records',
    body: { phone_number: text(100).min(1).describe('In any common format, or as a call record shows it.') },
    create: async (request, { phone_number: caller }) =>
      eraseCaller(ctx, scopeOf(request), { caller, by: principalOf(request).id }),
  });
};
