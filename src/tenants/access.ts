/**
 * Roles and permissions.
 *
 * Glossary
 *   admin       a user of the installation, who acts in any tenant, one per request
 *   role        what a user may do within their tenant; an owner also manages users and API tokens
 *   permission  what a route of the API requires
 *   scopes      the permissions of an API token
 *   session     one login; its refresh token changes with each use, and reusing an old one ends the session
 *   principal   who makes a request: a user in a session, or a machine with an API token
 */

export const roles = ['admin', 'owner', 'operator', 'viewer'] as const;
export type Role = (typeof roles)[number];

/** The roles that a tenant's owner can assign. */
export const tenantRoles = ['owner', 'operator', 'viewer'] as const;
export type TenantRole = (typeof tenantRoles)[number];

const readPermissions = [
  'numbers:read',
  'trunks:read',
  'campaigns:read',
  'agents:read',
  'leads:read',
  'calls:read',
] as const;
const writePermissions = [
  'numbers:write',
  'campaigns:write',
  'agents:write',
  'leads:write',
  'calls:control',
  'callers:erase',
  'routing:explain',
] as const;
const ownerPermissions = ['users:manage', 'tokens:manage'] as const;
const adminPermissions = ['tenants:manage', 'numbers:provision', 'trunks:manage'] as const;

/** The permissions that an API token can have: it can't give access to others. */
export const tokenScopes = [...readPermissions, ...writePermissions] as const;
export type TokenScope = (typeof tokenScopes)[number];

export type Permission = TokenScope | (typeof ownerPermissions)[number] | (typeof adminPermissions)[number];

export const permissionsOf: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: readPermissions,
  operator: [...readPermissions, ...writePermissions],
  owner: [...readPermissions, ...writePermissions, ...ownerPermissions],
  admin: [...readPermissions, ...writePermissions, ...ownerPermissions, ...adminPermissions],
};

export type Principal =
  | Readonly<{
      kind: 'user';
      id: string;
      sessionId: string;
      email: string;
      name: string;
      role: Role;
      /** Null for an admin. */
      tenantId: string | null;
    }>
  | Readonly<{ kind: 'token'; id: string; name: string; scopes: readonly TokenScope[]; tenantId: string }>;

export const permissionsOfPrincipal = (principal: Principal): readonly Permission[] =>
  principal.kind === 'token' ? principal.scopes : permissionsOf[principal.role];

export const may = (principal: Principal, permission: Permission): boolean =>
  permissionsOfPrincipal(principal).includes(permission);

/** The scopes among stored ones: those that no longer exist are ignored. */
export const scopesOf = (stored: unknown): TokenScope[] =>
  Array.isArray(stored) ? tokenScopes.filter((scope) => stored.includes(scope)) : [];

/** The form in which e-mail addresses are stored and compared. */
export const emailKey = (email: string): string => email.trim().toLowerCase();
