/**
 * Who may do what.
 *
 * Glossary
 *   admin       a user of the installation: over all tenants, in one of them at a time
 *   role        what a user may do within the tenant; an owner also decides who else may
 *   permission  one thing that one may do; each route of the API asks for one
 *   scopes      the permissions that an API token was given
 *   session     one login; its refresh token changes with each use, and an old one that comes again ends it
 *   principal   who asks: a user in a session, or a machine with an API token
 */

export const roles = ['admin', 'owner', 'operator', 'viewer'] as const;
export type Role = (typeof roles)[number];

/** The roles that a tenant's owner can give. */
export const tenantRoles = ['owner', 'operator', 'viewer'] as const;
export type TenantRole = (typeof tenantRoles)[number];

const readings = ['numbers:read', 'trunks:read', 'campaigns:read', 'agents:read', 'leads:read', 'calls:read'] as const;
const changes = [
  'numbers:write',
  'campaigns:write',
  'agents:write',
  'leads:write',
  'calls:control',
  'callers:erase',
  'routing:explain',
] as const;
const ownings = ['users:manage', 'tokens:manage'] as const;
const installing = ['tenants:manage', 'numbers:provision', 'trunks:manage'] as const;

/** What a machine can be allowed: not to let in others. */
export const tokenScopes = [...readings, ...changes] as const;
export type TokenScope = (typeof tokenScopes)[number];

export type Permission = TokenScope | (typeof ownings)[number] | (typeof installing)[number];

export const permissionsOf: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: readings,
  operator: [...readings, ...changes],
  owner: [...readings, ...changes, ...ownings],
  admin: [...readings, ...changes, ...ownings, ...installing],
};

export type Principal =
  | Readonly<{
      kind: 'user';
      id: string;
      sessionId: string;
      email: string;
      name: string;
      role: Role;
      /** Null: an admin. */
      tenantId: string | null;
    }>
  | Readonly<{ kind: 'token'; id: string; name: string; scopes: readonly TokenScope[]; tenantId: string }>;

export const permissionsOfPrincipal = (principal: Principal): readonly Permission[] =>
  principal.kind === 'token' ? principal.scopes : permissionsOf[principal.role];

export const may = (principal: Principal, permission: Permission): boolean =>
  permissionsOfPrincipal(principal).includes(permission);

/** The scopes among what was stored: a scope that is no more allows nothing. */
export const scopesOf = (stored: unknown): TokenScope[] =>
  Array.isArray(stored) ? tokenScopes.filter((scope) => stored.includes(scope)) : [];

/** E-mail addresses are compared in this form. */
export const emailKey = (email: string): string => email.trim().toLowerCase();
