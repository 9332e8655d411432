/** Finds the tenant that an operator names on the command line. */
import type { DbClient } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { findTenants } from './store.ts';

/**
 * The tenant with this id or name; null: the only one.
 * @throws AppError `not_found`, `malformed` if several match
 */
export const chooseTenant = async (
  db: DbClient,
  idOrName: string | null,
): Promise<Readonly<{ id: string; name: string }>> => {
  const tenants = await findTenants(db, idOrName);
  const [tenant] = tenants;
  if (tenant === undefined) {
    const message =
      idOrName === null
        ? 'There is no tenant yet. `npm run cli -- db:seed` creates a sample tenant.'
        : `There is no tenant ${idOrName}.`;
    throw new AppError('not_found', message);
  }
  if (tenants.length === 1) return tenant;
  const list = tenants.map(({ id, name }) => `${name} (${id})`).join(', ');
  throw new AppError('malformed', `Several tenants match. Choose one with --tenant ID: ${list}.`);
};
