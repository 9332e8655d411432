/** /api/v1/users: a tenant's users and their roles. For its owners. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { roles, tenantRoles } from '../../tenants/access.ts';
import { hashPassword } from '../../tenants/password.ts';
import { editUser, findUser, insertUser, listUsers, type User } from '../../tenants/user-scoped-store.ts';
import { text } from '../../database/storable-text.ts';
import type { Guard } from '../conventions/access.ts';
import { camelOf, snakeOf } from '../conventions/snake-case.ts';
import { email, id, password, version, timestamp, booleanQuery } from '../conventions/fields.ts';
import { actionRoute, updateRoute, createRoute, getRoute, listRoute } from '../conventions/resource-routes.ts';

const json = z.object({
  id,
  email: z.string(),
  name: z.string(),
  role: z.enum(roles),
  is_active: z.boolean(),
  version,
  created_at: timestamp,
  updated_at: timestamp,
});

const toJson = (user: User): z.output<typeof json> => snakeOf(user);

export const userRoutes = (app: FastifyInstance, { db, now }: Context, { scopeOf }: Guard): void => {
  const users = { path: '/users', singular: 'user', access: 'users:manage', json, toJson } as const;
  listRoute(app, {
    ...users,
    query: { is_active: booleanQuery.exactOptional() },
    list: async (request, query, page) => listUsers(db, scopeOf(request), camelOf(query), page),
  });
  getRoute(app, { ...users, find: async (request, userId) => findUser(db, scopeOf(request), userId) });
  createRoute(app, {
    ...users,
    body: { email, name: text(200).default(''), role: z.enum(tenantRoles), password },
    create: async (request, { password: given, ...user }) => {
      const scope = scopeOf(request);
      return insertUser(db, scope, { ...user, passwordHash: await hashPassword(given) });
    },
  });
  updateRoute(app, {
    ...users,
    body: {
      name: text(200).exactOptional(),
      role: z.enum(tenantRoles).exactOptional(),
      is_active: z.boolean().exactOptional(),
      password: password.exactOptional().describe("A new password. It ends the user's sessions."),
    },
    update: async (request, read, { password: given, ...changes }) => {
      const scope = scopeOf(request);
      const hashed = given === undefined ? {} : { passwordHash: await hashPassword(given) };
      return editUser(db, scope, { ...read, now: now() }, { ...camelOf(changes), ...hashed });
    },
  });
  actionRoute(app, {
    ...users,
    action: 'archive',
    summary: 'Archive a user: they become inactive and their sessions end',
    act: async (request, read) => editUser(db, scopeOf(request), { ...read, now: now() }, { isActive: false }),
  });
};
