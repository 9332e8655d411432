/** Makes the scope of a tenant. Import rules say who may: authentication, and commands, whose user has the machine. */
import type { TenantScope } from './scope.ts';

export const grantScope = (tenantId: string): TenantScope => ({ tenantId }) as TenantScope;
