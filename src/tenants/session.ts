/** Sessions: logging in, refreshing, logging out. */
import type { Context } from '../context.ts';
import type { Account } from './access-store.ts';
import {
  findAccount,
  findAccountOfSession,
  insertSession,
  revokeSession,
  rotateRefreshToken,
  savePassword,
} from './access-store.ts';
import { hashPassword, isPassword } from './password.ts';
import { hashOf, newSecret } from './secret.ts';

type SessionContext = Pick<Context, 'db' | 'now'>;

/** The lifetime of a session, however often it is refreshed. */
const sessionMs = 30 * 24 * 60 * 60 * 1000;

export type Session = Readonly<{ id: string; account: Account; refreshToken: string }>;

/** Starts a session. Null, after the same time: no such user, a wrong password, or an inactive user or tenant. */
export const logIn = async (
  ctx: SessionContext,
  { email, password }: Readonly<{ email: string; password: string }>,
): Promise<Session | null> => {
  const account = await findAccount(ctx.db, email);
  const isCorrect = await isPassword(password, account?.passwordHash ?? null);
  if (account === null || !isCorrect || !account.isActive) return null;
  const refreshToken = newSecret('tr');
  const now = ctx.now();
  const expiresAt = new Date(now.getTime() + sessionMs);
  const id = await insertSession(ctx.db, { userId: account.id, now, expiresAt, refreshHash: hashOf(refreshToken) });
  return { id, account, refreshToken };
};

/** Exchanges a session's refresh token. Null: it is invalid; if it had been exchanged before, the session has ended. */
export const refreshSession = async (ctx: SessionContext, refreshToken: string): Promise<Session | null> => {
  const next = newSecret('tr');
  const now = ctx.now();
  const id = await rotateRefreshToken(ctx.db, { hash: hashOf(refreshToken), nextHash: hashOf(next), now });
  const account = id === null ? null : await findAccountOfSession(ctx.db, id, now);
  return id === null || account === null || !account.isActive ? null : { id, account, refreshToken: next };
};

export const logOut = (ctx: SessionContext, sessionId: string): Promise<void> =>
  revokeSession(ctx.db, sessionId, ctx.now());

/** Changes the password of a session's user and ends their other sessions. False: `current` is not their password. */
export const changePassword = async (
  ctx: SessionContext,
  sessionId: string,
  { current, next }: Readonly<{ current: string; next: string }>,
): Promise<boolean> => {
  const account = await findAccountOfSession(ctx.db, sessionId, ctx.now());
  if (!(await isPassword(current, account?.passwordHash ?? null)) || account === null) return false;
  const passwordHash = await hashPassword(next);
  await savePassword(ctx.db, { id: account.id, sessionId, passwordHash, now: ctx.now() });
  return true;
};
