/** /api/v1/platform-trunks: a tenant's Twilio SIP trunks. Only an admin changes them. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { name, text } from '../../database/storable-text.ts';
import { editTrunk, findTrunk, insertTrunk, listTrunks, type PlatformTrunk } from '../../numbers/scoped-store.ts';
import type { Guard } from '../conventions/access.ts';
import { booleanQuery, id, timestamp, version } from '../conventions/fields.ts';
import { actionRoute, createRoute, getRoute, listRoute, updateRoute } from '../conventions/resource-routes.ts';
import { camelOf, snakeOf } from '../conventions/snake-case.ts';

const json = z.object({
  id,
  twilio_trunk_sid: z.string().describe('TK…'),
  name: z.string(),
  is_active: z.boolean(),
  version,
  created_at: timestamp,
  updated_at: timestamp,
});
const toJson = (trunk: PlatformTrunk): z.output<typeof json> => snakeOf(trunk);

export const trunkRoutes = (app: FastifyInstance, { db }: Context, { scopeOf }: Guard): void => {
  const trunks = {
    path: '/platform-trunks',
    singular: 'platform trunk',
    json: json,
    toJson: toJson,
  } as const;
  const reading = { ...trunks, access: 'trunks:read' } as const;
  const writing = { ...trunks, access: 'trunks:manage' } as const;
  listRoute(app, {
    ...reading,
    query: { is_active: booleanQuery.exactOptional() },
    list: async (request, query, page) => listTrunks(db, scopeOf(request), camelOf(query), page),
  });
  getRoute(app, { ...reading, find: async (request, trunkId) => findTrunk(db, scopeOf(request), trunkId) });
  createRoute(app, {
    ...writing,
    body: { twilio_trunk_sid: text(64).regex(/^TK/), name: name(200) },
    create: async (request, body) => insertTrunk(db, scopeOf(request), camelOf(body)),
  });
  updateRoute(app, {
    ...writing,
    body: { name: name(200).exactOptional(), is_active: z.boolean().exactOptional() },
    update: async (request, read, body) => editTrunk(db, scopeOf(request), read, camelOf(body)),
  });
  actionRoute(app, {
    ...writing,
    action: 'archive',
    summary: 'Archive a platform trunk: it becomes inactive',
    act: async (request, read) => editTrunk(db, scopeOf(request), read, { isActive: false }),
  });
};
