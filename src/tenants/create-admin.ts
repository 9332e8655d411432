/** The installation's admins: made by a command only, never over HTTP. */
import type { Context } from '../context.ts';
import { isUniqueViolation } from '../database/driver-errors.ts';
import { AppError } from '../errors.ts';
import { insertAdmin } from './access-store.ts';
import { hashPassword } from './password.ts';

/**
 * Makes an admin.
 * @returns the user's id
 * @throws AppError `conflict` where somebody has this e-mail address already
 */
export const createAdmin = async (
  { db }: Pick<Context, 'db'>,
  { email, name, password }: Readonly<{ email: string; name: string; password: string }>,
): Promise<string> => {
  const passwordHash = await hashPassword(password);
  try {
    return await insertAdmin(db, { email, name, passwordHash });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new AppError('conflict', 'A user with this e-mail address is there already.');
  }
};
