/** /api/v1/leads: people who called a campaign, or whom it will call. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leadStatuses } from '../../leads/lead.ts';
import { editLead, findLeadRecord, insertLead, listLeads, type LeadRecord } from '../../leads/scoped-store.ts';
import { toE164 } from '../../numbers/number.ts';
import { name, text } from '../../database/storable-text.ts';
import type { Guard } from '../conventions/access.ts';
import { camelOf, snakeOf } from '../conventions/snake-case.ts';
import { id, metadata, version, timestamp, booleanQuery } from '../conventions/fields.ts';
import { actionRoute, updateRoute, createRoute, getRoute, listRoute } from '../conventions/resource-routes.ts';

const json = z.object({
  id,
  campaign_id: z.string(),
  phone_number: z.string().describe('E.164 if possible; anonymous:… if withheld.'),
  name: z.string(),
  status: z.enum(leadStatuses).describe('Set by its calls.'),
  attempts: z.number(),
  last_call_at: timestamp.nullable(),
  metadata: z.unknown(),
  archived_at: timestamp.nullable(),
  version,
  created_at: timestamp,
  updated_at: timestamp,
});

const toJson = (lead: LeadRecord): z.output<typeof json> => snakeOf(lead);

export const leadRoutes = (app: FastifyInstance, { db, now, config }: Context, { scopeOf }: Guard): void => {
  const leads = { path: '/leads', singular: 'lead', json, toJson } as const;
  const reading = { ...leads, access: 'leads:read' } as const;
  const writing = { ...leads, access: 'leads:write' } as const;
  listRoute(app, {
    ...reading,
    query: {
      campaign_id: id.exactOptional(),
      phone_number: text(100).exactOptional(),
      status: z.enum(leadStatuses).exactOptional(),
      is_archived: booleanQuery.default(false),
    },
    list: async (request, query, page) => listLeads(db, scopeOf(request), camelOf(query), page),
  });
  getRoute(app, { ...reading, find: async (request, leadId) => findLeadRecord(db, scopeOf(request), leadId) });
  createRoute(app, {
    ...writing,
    body: { campaign_id: id, phone_number: text(50), name: name(200), metadata: metadata.default({}) },
    create: async (request, { phone_number: given, ...body }) => {
      const phoneNumber = toE164(given, config.defaultCountry);
      if (phoneNumber === null) throw new AppError('malformed', 'phone_number: not a possible phone number.');
      return insertLead(db, scopeOf(request), { ...camelOf(body), phoneNumber });
    },
  });
  updateRoute(app, {
    ...writing,
    body: { name: name(200).exactOptional(), metadata: metadata.exactOptional() },
    update: async (request, read, body) => editLead(db, scopeOf(request), read, camelOf(body)),
  });
  actionRoute(app, {
    ...writing,
    action: 'archive',
    summary: 'Archive a lead, until it calls again',
    act: async (request, read) => editLead(db, scopeOf(request), read, { archivedAt: now() }),
  });
};
