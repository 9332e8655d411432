/** Who may come in, in the database: what authentication itself reads, before anybody has a scope. */
import type { Db, DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';
import { emailKey, scopesOf, type Role, type TokenScope } from './access.ts';

export type Account = Readonly<{
  id: string;
  email: string;
  name: string;
  role: Role;
  tenantId: string | null;
  passwordHash: string;
  /** Neither the user nor the tenant is inactive. */
  isActive: boolean;
}>;

const withTenant = { tenant: { select: { isActive: true } } } as const;

type UserRow = Omit<Account, 'isActive'> & Readonly<{ isActive: boolean; tenant: { isActive: boolean } | null }>;

const accountOf = ({ id, email, name, role, tenantId, passwordHash, isActive, tenant }: UserRow): Account => {
  const isIn = role === 'admin' ? tenantId === null : tenant?.isActive === true;
  return { id, email, name, role, tenantId, passwordHash, isActive: isActive && isIn };
};

export const findAccount = async (db: DbClient, email: string): Promise<Account | null> => {
  const row = await db.user.findUnique({ where: { email: emailKey(email) }, include: withTenant });
  return row === null ? null : accountOf(row);
};

/** The account of a session that is neither revoked nor over at `now`. */
export const findAccountOfSession = async (db: DbClient, sessionId: string, now: Date): Promise<Account | null> => {
  const session = await db.session.findUnique({ where: { id: sessionId }, include: { user: { include: withTenant } } });
  if (session === null || session.revokedAt !== null || session.expiresAt <= now) return null;
  return accountOf(session.user);
};

export const insertAdmin = async (
  db: DbClient,
  admin: Readonly<{ email: string; name: string; passwordHash: string }>,
): Promise<string> => {
  const data = { ...admin, email: emailKey(admin.email), role: 'admin' as const };
  return (await db.user.create({ data, select: { id: true } })).id;
};

/** Begins a session; those of this user that are over are forgotten. */
export const insertSession = (
  db: Db,
  session: Readonly<{ userId: string; now: Date; expiresAt: Date; refreshHash: string }>,
): Promise<string> =>
  transaction(db, async (tx) => {
    const { userId, now, expiresAt, refreshHash } = session;
    await tx.session.deleteMany({ where: { userId, expiresAt: { lte: now } } });
    const made = await tx.session.create({ data: { userId, expiresAt, createdAt: now }, select: { id: true } });
    await tx.refreshToken.create({ data: { hash: refreshHash, sessionId: made.id, createdAt: now } });
    return made.id;
  });

/**
 * Exchanges a session's refresh token for the next one. One that was exchanged already has been stolen, or its successor has:
 * that ends the session.
 * @returns the session, or null where the token isn't valid
 */
export const rotateRefreshToken = (
  db: Db,
  token: Readonly<{ hash: string; nextHash: string; now: Date }>,
): Promise<string | null> =>
  transaction(db, async (tx) => {
    const { hash, nextHash, now } = token;
    const valid = { hash, usedAt: null, session: { revokedAt: null, expiresAt: { gt: now } } };
    const { count } = await tx.refreshToken.updateMany({ where: valid, data: { usedAt: now } });
    const found = await tx.refreshToken.findUnique({ where: { hash }, select: { sessionId: true } });
    if (found === null) return null;
    if (count === 0) {
      await revokeSession(tx, found.sessionId, now);
      return null;
    }
    await tx.refreshToken.create({ data: { hash: nextHash, sessionId: found.sessionId, createdAt: now } });
    return found.sessionId;
  });

export const revokeSession = async (db: DbClient, sessionId: string, now: Date): Promise<void> => {
  await db.session.updateMany({ where: { id: sessionId, revokedAt: null }, data: { revokedAt: now } });
};

/** Gives a user a new password, which ends the user's other sessions. */
export const savePassword = (
  db: Db,
  user: Readonly<{ id: string; sessionId: string; passwordHash: string; now: Date }>,
): Promise<void> =>
  transaction(db, async (tx) => {
    const { id, sessionId, passwordHash, now } = user;
    await tx.user.update({ where: { id }, data: { passwordHash } });
    await tx.session.updateMany({
      where: { userId: id, id: { not: sessionId }, revokedAt: null },
      data: { revokedAt: now },
    });
  });

export type TokenHolder = Readonly<{
  id: string;
  name: string;
  tenantId: string;
  scopes: readonly TokenScope[];
  lastUsedAt: Date | null;
}>;

/** The API token with this hash, unless it is revoked, over at `now`, or its tenant inactive. */
export const findTokenHolder = async (db: DbClient, hash: string, now: Date): Promise<TokenHolder | null> => {
  const row = await db.apiToken.findUnique({ where: { hash }, include: withTenant });
  if (row === null || row.revokedAt !== null || !row.tenant.isActive) return null;
  if (row.expiresAt !== null && row.expiresAt <= now) return null;
  const { id, name, tenantId, lastUsedAt } = row;
  return { id, name, tenantId, lastUsedAt, scopes: scopesOf(row.scopes) };
};

export const noteTokenUse = async (db: DbClient, id: string, now: Date): Promise<void> => {
  await db.apiToken.updateMany({ where: { id }, data: { lastUsedAt: now } });
};
