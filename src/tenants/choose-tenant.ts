/** Which tenant an operator means. */
import type { DbClient } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { findTenants } from './store.ts';

/**
 * The tenant of that id or name; without either, the only one.
 * @throws AppError `not_found` where there is none, `malformed` where several fit
 */
export const chooseTenant = async (
  db: DbClient,
  idOrName: string | null,
): Promise<Readonly<{ id: string; name: string }>> => {
  const tenants = await findTenants(db, idOrName);
  const [tenant] = tenants;
  if (tenant === undefined) {
    const sentence =
      idOrName === null
        ? 'There is no tenant yet (`npm run cli -- db:seed` makes a sample of one)'
        : `There is no tenant ${idOrName}`;
    throw new AppError('not_found', `${sentence}.`);
  }
  if (tenants.length === 1) return tenant;
  const list = tenants.map(({ id, name }) => `${name} (${id})`).join(', ');
  throw new AppError('malformed', `Several tenants fit, choose one with --tenant ID: ${list}.`);
};
