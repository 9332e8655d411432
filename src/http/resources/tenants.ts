/** /api/v1/tenants: for admins of the installation. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { editTenant, findTenant, insertTenant, listTenants, type Tenant } from '../../tenants/store.ts';
import { name } from '../../database/storable-text.ts';
import { camelOf, snakeOf } from '../conventions/snake-case.ts';
import { id, version, timestamp, booleanQuery } from '../conventions/fields.ts';
import { actionRoute, updateRoute, createRoute, getRoute, listRoute } from '../conventions/resource-routes.ts';

const json = z.object({
  id,
  name: z.string(),
  is_active: z
    .boolean()
    .describe("An inactive tenant's calls are rejected, and its users and API tokens have no access."),
  version,
  created_at: timestamp,
  updated_at: timestamp,
});

const toJson = (tenant: Tenant): z.output<typeof json> => snakeOf(tenant);

export const tenantRoutes = (app: FastifyInstance, { db }: Context): void => {
  const tenants = { path: '/tenants', singular: 'tenant', access: 'tenants:manage', json, toJson } as const;
  listRoute(app, {
    ...tenants,
    query: { is_active: booleanQuery.exactOptional() },
    list: async (_request, query, page) => listTenants(db, camelOf(query), page),
  });
  getRoute(app, { ...tenants, find: async (_request, tenantId) => findTenant(db, tenantId) });
  createRoute(app, { ...tenants, body: { name: name(200) }, create: async (_request, body) => insertTenant(db, body) });
  updateRoute(app, {
    ...tenants,
    body: { name: name(200).exactOptional(), is_active: z.boolean().exactOptional() },
    update: async (_request, read, body) => editTenant(db, read, camelOf(body)),
  });
  actionRoute(app, {
    ...tenants,
    action: 'archive',
    summary: 'Archive a tenant: it becomes inactive',
    act: async (_request, read) => editTenant(db, read, { isActive: false }),
  });
};
