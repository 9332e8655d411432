/** Which campaign an operator means. */
import type { DbClient } from '../database/open.ts';
import { AppError } from '../errors.ts';
import type { TenantScope } from '../tenants/scope.ts';
import { findCampaigns, findCampaignsAnywhere } from './store.ts';

/**
 * The tenant's campaign of that id or name.
 * @throws AppError `not_found` where the tenant has none, `malformed` where it has several
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
  throw new AppError('malformed', `Several campaigns have that name, choose one with --campaign ID: ${list}.`);
};

/**
 * The campaign of that id or name, of one tenant or (null) of all.
 * @throws AppError `not_found` where there is none, `malformed` where there are several
 */
export const chooseCampaignAnywhere = async (
  db: DbClient,
  idOrName: string,
  tenantId: string | null,
): Promise<Readonly<{ id: string; name: string; tenant: { id: string; name: string } }>> => {
  const campaigns = await findCampaignsAnywhere(db, idOrName, tenantId);
  const [campaign] = campaigns;
  if (campaign === undefined)
    throw new AppError('not_found', `There is no campaign ${idOrName}${tenantId === null ? '' : ' of this tenant'}.`);
  if (campaigns.length === 1) return campaign;
  const list = campaigns.map(({ id, tenant }) => `${id} (of ${tenant.name})`).join(', ');
  throw new AppError('malformed', `Several campaigns have that name, give the id of one, or its --tenant: ${list}.`);
};
