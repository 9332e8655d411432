/**
 * The scope of a tenant: the right to its records.
 *
 * Glossary
 *   scope   proof that a client was authenticated for a tenant. Stores of a tenant's records require it and put its `tenantId` into
 *           every statement; only grant-scope.ts creates one, and import rules limit who may use that.
 */
declare const granted: unique symbol;

export type TenantScope = Readonly<{ tenantId: string; [granted]: true }>;
