/** What authentication reads and writes, before a client has a scope. */
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
  /** Both the user and the tenant are active. */
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

/** The account of a session, unless it is revoked or has expired. */
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

/** Creates a session and deletes the user's expired ones. */
export const insertSession = (
  db: Db,
  session: Readonly<{ userId: string; now: Date; expiresAt: Date; refreshHash: string }>,
): Promise<string> =>
  transaction(db, async (tx) => {
    const { userId, now, expiresAt, refreshHash } = session;
    await tx.session.deleteMany({ where: { userId, expiresAt: { lte: now } } });
    const created = await tx.session.create({ data: { userId, expiresAt, createdAt: now }, select: { id: true } });
    await tx.refreshToken.create({ data: { hash: refreshHash, sessionId: created.id, createdAt: now } });
    return created.id;
  });

/**
 * Exchanges a session's refresh token for the next one. If it was exchanged before, it or its successor has been stolen: the session
 * is revoked.
 * @returns the session's id; null if the token is invalid
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

/** Saves a new password and ends the user's other sessions. */
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

type TokenHolder = Readonly<{
  id: string;
  name: string;
  tenantId: string;
  scopes: readonly TokenScope[];
  lastUsedAt: Date | null;
}>;

/** The API token with this hash, unless it is revoked, has expired, or its tenant is inactive. */
export const findTokenHolder = async (db: DbClient, hash: string, now: Date): Promise<TokenHolder | null> => {
  const row = await db.apiToken.findUnique({ where: { hash }, include: withTenant });
  if (row === null || row.revokedAt !== null || !row.tenant.isActive) return null;
  if (row.expiresAt !== null && row.expiresAt <= now) return null;
  const { id, name, tenantId, lastUsedAt } = row;
  return { id, name, tenantId, lastUsedAt, scopes: scopesOf(row.scopes) };
};

export const recordTokenUse = async (db: DbClient, id: string, now: Date): Promise<void> => {
  await db.apiToken.updateMany({ where: { id }, data: { lastUsedAt: now } });
};
