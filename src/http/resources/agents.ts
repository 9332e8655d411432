/** /api/v1/agents: the LiveKit agent names that take a tenant's calls. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { editAgent, findAgent, insertAgent, listAgents, type Agent } from '../../tenants/agent-scoped-store.ts';
import { name } from '../../database/storable-text.ts';
import type { Guard } from '../conventions/access.ts';
import { camelOf, snakeOf } from '../conventions/snake-case.ts';
import { id, version, timestamp, booleanQuery } from '../conventions/fields.ts';
import { actionRoute, updateRoute, createRoute, getRoute, listRoute } from '../conventions/resource-routes.ts';

const isDefault = z
  .boolean()
  .describe(
    'Takes the calls of campaigns without an agent_name. Each tenant has at most one default: setting a new one replaces it.',
  );

const json = z.object({
  id,
  name: z.string(),
  is_active: z.boolean(),
  is_default: isDefault,
  version,
  created_at: timestamp,
  updated_at: timestamp,
});

const toJson = (agent: Agent): z.output<typeof json> => snakeOf(agent);

export const agentRoutes = (app: FastifyInstance, { db }: Context, { scopeOf }: Guard): void => {
  const agents = { path: '/agents', singular: 'agent', json, toJson } as const;
  const reading = { ...agents, access: 'agents:read' } as const;
  const writing = { ...agents, access: 'agents:write' } as const;
  listRoute(app, {
    ...reading,
    query: { is_active: booleanQuery.exactOptional() },
    list: async (request, query, page) => listAgents(db, scopeOf(request), camelOf(query), page),
  });
  getRoute(app, { ...reading, find: async (request, agentId) => findAgent(db, scopeOf(request), agentId) });
  createRoute(app, {
    ...writing,
    body: { name: name(100), is_default: isDefault.default(false) },
    create: async (request, body) => insertAgent(db, scopeOf(request), camelOf(body)),
  });
  updateRoute(app, {
    ...writing,
    body: {
      name: name(100).exactOptional(),
      is_active: z.boolean().exactOptional(),
      is_default: isDefault.exactOptional(),
    },
    update: async (request, read, body) => editAgent(db, scopeOf(request), read, camelOf(body)),
  });
  actionRoute(app, {
    ...writing,
    action: 'archive',
    summary: 'Archive an agent: it becomes inactive and is no longer the default',
    act: async (request, read) => editAgent(db, scopeOf(request), read, { isActive: false, isDefault: false }),
  });
};
