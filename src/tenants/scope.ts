/**
 * The scope of a tenant: the right to its records.
 *
 * Glossary
 *   scope   proof that somebody was let in to one tenant. A store that reads or changes a tenant's records asks for it and puts
 *           its `tenantId` into every statement; only grant-scope.ts makes one, and only who authenticates may import that.
 */
declare const granted: unique symbol;

export type TenantScope = Readonly<{ tenantId: string; [granted]: true }>;
