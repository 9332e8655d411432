/** Passwords: scrypt, with a salt of their own, in a form that says its parameters: `scrypt$N$r$p$salt$hash`. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** 32 MB and about 0.2 s of a core; p = 3 makes up for the memory that a phone service shall not lose to logins. */
const cost = { N: 2 ** 15, r: 8, p: 3 } as const;
const saltBytes = 16;
const hashBytes = 32;

const derive = (password: string, salt: Buffer, { N, r, p }: { N: number; r: number; p: number }): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const maxmem = 256 * N * r;
    scrypt(password.normalize('NFKC'), salt, hashBytes, { N, r, p, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });

const format = (salt: Buffer, hash: Buffer): string =>
  ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$');

/** What is kept of a password. */
export const hashPassword = async (password: string): Promise<string> => {
  const salt = randomBytes(saltBytes);
  return format(salt, await derive(password, salt, cost));
};

/** Compared with where there is no such user: takes as long, and nobody has the password. */
const nobodys = format(Buffer.alloc(saltBytes), Buffer.alloc(hashBytes));

/** Whether it is the password of which `stored` was kept. Null (no such user) takes the same time, and is false. */
export const isPassword = async (password: string, stored: string | null): Promise<boolean> => {
  const [, N, r, p, salt = '', hash = ''] = (stored ?? nobodys).split('$');
  const expected = Buffer.from(hash, 'base64url');
  const given = await derive(password, Buffer.from(salt, 'base64url'), { N: Number(N), r: Number(r), p: Number(p) });
  return expected.length === given.length && timingSafeEqual(expected, given) && stored !== null;
};
