/** Which campaign an operator means. */
import type { DbClient } from '../db.ts';
import { AppError } from '../errors.ts';
import type { TenantScope } from '../tenants/scope.ts';
import { findCampaigns } from './store.ts';

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
