/** Grants the scope of a tenant. Import rules limit it to authentication and to commands, whose user controls the machine. */
import type { TenantScope } from './scope.ts';

export const grantScope = (tenantId: string): TenantScope => ({ tenantId }) as TenantScope;
