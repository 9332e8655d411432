/** Admins of the installation: created by a command, never over HTTP. */
import type { Context } from '../context.ts';
import { isUniqueViolation } from '../database/driver-errors.ts';
import { AppError } from '../errors.ts';
import { insertAdmin } from './access-store.ts';
import { hashPassword } from './password.ts';

/**
 * Creates an admin.
 * @returns the user's id
 * @throws AppError `conflict` if the e-mail address is taken
 */
export const createAdmin = async (
  { db }: Pick<Context, 'db'>,
  { email, name, password }: Readonly<{ email: string; name: string; password: string }>,
): Promise<string> => {
  const passwordHash = await hashPassword(password);
  try {
    return await insertAdmin(db, { email, name, passwordHash });
  } catch (err) {
    if (!isUniqueViolation(err)) throw err;
    throw new AppError('conflict', 'Already exists: a user with this e-mail address.', { cause: err });
  }
};
