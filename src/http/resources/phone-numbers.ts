/** /api/v1/phone-numbers: a tenant's numbers. Only an admin adds them. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { toE164 } from '../../numbers/number.ts';
import { editNumber, findNumber, insertNumber, listNumbers, type PhoneNumber } from '../../numbers/scoped-store.ts';
import { may } from '../../tenants/access.ts';
import { text } from '../../database/storable-text.ts';
import type { Guard } from '../conventions/access.ts';
import { camelOf, snakeOf } from '../conventions/snake-case.ts';
import { id, version, timestamp, booleanQuery } from '../conventions/fields.ts';
import { actionRoute, updateRoute, createRoute, getRoute, listRoute } from '../conventions/resource-routes.ts';

const types = ['LOCAL', 'TOLL_FREE', 'MOBILE'] as const;

const numberJson = z.object({
  id,
  number: z.string().describe('E.164, such as +18588796658.'),
  type: z.enum(types),
  provider: z.enum(['TWILIO']),
  provider_sid: z.string().nullable().describe('PN…'),
  campaign_id: z.string().nullable(),
  livekit_trunk_id: z
    .string()
    .nullable()
    .describe("ST_…: the number's own LiveKit trunk, accepted besides the installation's."),
  is_active: z.boolean(),
  purchased_at: timestamp.nullable(),
  metadata: z.unknown(),
  version,
  created_at: timestamp,
  updated_at: timestamp,
});
const numberToJson = (number: PhoneNumber): z.output<typeof numberJson> => snakeOf(number);

const livekitTrunk = text(100).regex(/^ST_/).nullable();

const numbers = { path: '/phone-numbers', singular: 'phone number', json: numberJson, toJson: numberToJson } as const;

export const numberRoutes = (app: FastifyInstance, ctx: Context, guard: Guard): void => {
  const { db, config } = ctx;
  const { scopeOf } = guard;
  const reading = { ...numbers, access: 'numbers:read' } as const;
  listRoute(app, {
    ...reading,
    query: {
      number: text(50).exactOptional(),
      campaign_id: id.exactOptional(),
      is_active: booleanQuery.exactOptional(),
    },
    list: async (request, query, page) => listNumbers(db, scopeOf(request), camelOf(query), page),
  });
  getRoute(app, { ...reading, find: async (request, numberId) => findNumber(db, scopeOf(request), numberId) });
  createRoute(app, {
    ...numbers,
    access: 'numbers:provision',
    body: {
      number: text(50),
      type: z.enum(types).default('LOCAL'),
      provider_sid: text(64).regex(/^PN/).nullable().default(null),
      campaign_id: id.nullable().default(null),
      livekit_trunk_id: livekitTrunk.default(null),
    },
    create: async (request, { number: given, ...body }) => {
      const number = toE164(given, config.defaultCountry);
      if (number === null) throw new AppError('malformed', 'number: not a possible phone number.');
      return insertNumber(db, scopeOf(request), { ...camelOf(body), number });
    },
  });
  numberUpdates(app, ctx, guard);
};

const numberUpdates = (app: FastifyInstance, { db }: Context, { principalOf, scopeOf }: Guard): void => {
  const writing = { ...numbers, access: 'numbers:write' } as const;
  updateRoute(app, {
    ...writing,
    body: {
      campaign_id: id
        .nullable()
        .exactOptional()
        .describe('The campaign that answers calls to this number; null: none.'),
      is_active: z.boolean().exactOptional(),
      livekit_trunk_id: livekitTrunk.exactOptional().describe('Only an admin may set it.'),
    },
    update: async (request, read, body) => {
      if (body.livekit_trunk_id !== undefined && !may(principalOf(request), 'numbers:provision'))
        throw new AppError('forbidden', 'livekit_trunk_id: missing permission numbers:provision.');
      return editNumber(db, scopeOf(request), read, camelOf(body));
    },
  });
  actionRoute(app, {
    ...writing,
    action: 'archive',
    summary: 'Archive a phone number: it becomes inactive and its calls are rejected',
    act: async (request, read) => editNumber(db, scopeOf(request), read, { isActive: false }),
  });
};
