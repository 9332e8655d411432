/** Finds the campaign that an operator names on the command line. */
import type { DbClient } from '../database/open.ts';
import { AppError } from '../errors.ts';
import type { TenantScope } from '../tenants/scope.ts';
import { findCampaigns, findCampaignsAnywhere } from './store.ts';

/**
 * The tenant's campaign with this id or name.
 * @throws AppError `not_found`, `malformed` if several match
 */
export const chooseCampaign = async (
  db: DbClient,
  scope: TenantScope,
  idOrName: string,
): Promise<Readonly<{ id: string; name: string }>> => {
  const campaigns = await findCampaigns(db, scope, idOrName);
  const [campaign] = campaigns;
  if (campaign === undefined) throw new AppError('not_found', `The tenant has no campaign ${idOrName}.`);
  if (campaigns.length === 1) return campaign;
  const list = campaigns.map(({ id }) => id).join(', ');
  throw new AppError('malformed', `Several campaigns have this name. Choose one with --campaign ID: ${list}.`);
};

/**
 * The campaign with this id or name, of one tenant or (null) of any.
 * @throws AppError `not_found`, `malformed` if several match
 */
export const chooseCampaignAnywhere = async (
  db: DbClient,
  idOrName: string,
  tenantId: string | null,
): Promise<Readonly<{ id: string; name: string; tenant: { id: string; name: string } }>> => {
  const campaigns = await findCampaignsAnywhere(db, idOrName, tenantId);
  const [campaign] = campaigns;
  if (campaign === undefined)
    throw new AppError(
      'not_found',
      tenantId === null ? `There is no campaign ${idOrName}.` : `The tenant has no campaign ${idOrName}.`,
    );
  if (campaigns.length === 1) return campaign;
  const list = campaigns.map(({ id, tenant }) => `${id} (of ${tenant.name})`).join(', ');
  throw new AppError(
    'malformed',
    `Several campaigns have this name. Use an id, or choose a tenant with --tenant: ${list}.`,
  );
};
