import { expect, test } from 'vitest';
import { createAdmin } from '#src/tenants/create-admin.ts';
import { hashPassword } from '#src/tenants/password.ts';
import { describeBothDatabases } from '#test/support/database.ts';
import { testContext, testHttp, type TestClock } from '#test/support/context.ts';
import { ask, signIn } from './users.ts';

const password = 'correct horse battery staple';
type Tokens = { access_token: string; refresh_token: string };

describeBothDatabases('logging in', (openDatabase) => {
  const open = async () => {
    const db = await openDatabase();
    const clock: TestClock = { now: new Date() };
    const http = testHttp(testContext(db, { clock }));
    const tenant = await db.tenant.create({ data: { name: 'Dental' } });
    const owner = await db.user.create({
      data: {
        tenantId: tenant.id,
        email: 'ann@example.com',
        role: 'owner',
        passwordHash: await hashPassword(password),
      },
    });
    const logIn = (body: object = {}) =>
      ask(http, '/auth/login', { body: { email: 'ann@example.com', password, ...body } });
    const refresh = (token: string) => ask(http, '/auth/refresh', { body: { refresh_token: token } });
    return { db, http, clock, tenant, owner, logIn, refresh };
  };

  test('e-mail and password give tokens, and the access token identifies the user', async () => {
    const { http, tenant, owner, logIn } = await open();
    const response = await logIn({ email: ' Ann@Example.com ' });
    expect(response.statusCode).toBe(200);
    const tokens = response.json<Tokens>();
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 900 });
    const me = await ask(http, '/me', { token: tokens.access_token });
    expect(me.json()).toMatchObject({ id: owner.id, tenant_id: tenant.id, role: 'owner', email: 'ann@example.com' });
    expect(response.headers['cache-control']).toBe('no-store');
  });

  test('a wrong password, an unknown user, and an inactive user or tenant get the same response', async () => {
    const { db, owner, tenant, logIn } = await open();
    const wrong = await logIn({ password: 'another password' });
    expect(wrong.statusCode).toBe(401);
    const answers = [await logIn({ email: 'nobody@example.com' }), await logIn({ email: 'x', password: '' })];
    await db.user.update({ where: { id: owner.id }, data: { isActive: false } });
    answers.push(await logIn());
    await db.user.update({ where: { id: owner.id }, data: { isActive: true } });
    await db.tenant.update({ where: { id: tenant.id }, data: { isActive: false } });
    answers.push(await logIn());
    for (const answer of answers) expect([answer.statusCode, answer.body]).toEqual([401, wrong.body]);
  });

  test('an unknown user takes as long as a wrong password', async () => {
    const { logIn } = await open();
    const time = async (body: object) => {
      const begin = performance.now();
      await logIn(body);
      return performance.now() - begin;
    };
    await time({});
    const [known, unknown] = [await time({ password: 'wrong' }), await time({ email: 'nobody@example.com' })];
    expect(unknown).toBeGreaterThan(known / 3);
    expect(unknown).toBeGreaterThan(20);
  });

  test('a refresh token works once; using it again ends the session and its new tokens', async () => {
    const { http, clock, logIn, refresh } = await open();
    const first = (await logIn()).json<Tokens>();
    const second = (await refresh(first.refresh_token)).json<Tokens>();
    expect(second.refresh_token).not.toBe(first.refresh_token);
    const third = (await refresh(second.refresh_token)).json<Tokens>();
    expect((await ask(http, '/me', { token: third.access_token })).statusCode).toBe(200);
    expect((await refresh(second.refresh_token)).statusCode).toBe(401);
    expect((await refresh(third.refresh_token)).statusCode).toBe(401);
    expect((await ask(http, '/me', { token: third.access_token })).statusCode).toBe(401);
    const other = (await logIn()).json<Tokens>();
    clock.now = new Date(clock.now.getTime() + 31 * 86_400_000);
    expect((await refresh(other.refresh_token)).statusCode).toBe(401);
  });

  test('of concurrent uses of a refresh token, at most one succeeds', async () => {
    const { logIn, refresh } = await open();
    const { refresh_token } = (await logIn()).json<Tokens>();
    const answers = await Promise.all(Array.from({ length: 4 }, () => refresh(refresh_token)));
    expect(answers.filter(({ statusCode }) => statusCode === 200).length).toBeLessThanOrEqual(1);
    expect(answers.every(({ statusCode }) => [200, 401].includes(statusCode))).toBe(true);
  });

  test('logging out ends the session at once', async () => {
    const { http, logIn, refresh } = await open();
    const { access_token: token, refresh_token } = (await logIn()).json<Tokens>();
    expect((await ask(http, '/auth/logout', { method: 'POST', token })).statusCode).toBe(204);
    expect((await ask(http, '/me', { token })).statusCode).toBe(401);
    expect((await refresh(refresh_token)).statusCode).toBe(401);
  });

  test('a new password needs the old one, and ends the other sessions', async () => {
    const { http, logIn } = await open();
    const mine = (await logIn()).json<Tokens>().access_token;
    const other = (await logIn()).json<Tokens>().access_token;
    const change = (current: string, next: string) =>
      ask(http, '/auth/password', { token: mine, body: { current_password: current, new_password: next } });
    expect((await change('wrong', 'another long password')).statusCode).toBe(403);
    expect((await change(password, 'short')).statusCode).toBe(400);
    expect((await change(password, 'another long password')).statusCode).toBe(204);
    expect((await ask(http, '/me', { token: mine })).statusCode).toBe(200);
    expect((await ask(http, '/me', { token: other })).statusCode).toBe(401);
    expect((await logIn()).statusCode).toBe(401);
    expect((await logIn({ password: 'another long password' })).statusCode).toBe(200);
  });

  test('neither passwords nor refresh tokens are stored', async () => {
    const { db, logIn } = await open();
    const { refresh_token } = (await logIn()).json<Tokens>();
    const kept = JSON.stringify([
      await db.user.findMany(),
      await db.session.findMany(),
      await db.refreshToken.findMany(),
    ]);
    expect(kept).not.toContain(password);
    expect(kept).not.toContain(refresh_token);
    expect(kept).toContain('scrypt$32768$8$3$');
  });

  test('login attempts are limited per e-mail address and per IP address', async () => {
    const { db, http, logIn } = await open();
    for (let i = 0; i < 10; i++) await logIn({ password: '' });
    const refused = await logIn();
    expect([refused.statusCode, refused.json()]).toMatchObject([429, { error: { code: 'too_many' } }]);
    const tries = [];
    for (let i = 0; i < 12; i++) tries.push((await logIn({ email: `${i}@example.com`, password: '' })).statusCode);
    expect(tries.slice(0, 3)).toEqual([401, 401, 401]);
    expect(tries.at(-1)).toBe(429);
    // Existing sessions are not affected.
    expect((await ask(http, '/me', { token: await signIn(http, db, 'admin', null) })).statusCode).toBe(200);
  });

  test('foreign, forged and expired tokens are refused', async () => {
    const { db, http, tenant } = await open();
    const good = await signIn(http, db, 'viewer', tenant.id);
    const [header = '', payload = ''] = good.split('.');
    const none = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${payload}.`;
    const signed = (options: object) => http.jwt.sign({ sid: 'x' }, options);
    const other = testHttp(testContext(db, { env: { JWT_SECRET: 'another-secret-of-thirty-two-characters' } }));
    const theirs = await signIn(other, db, 'viewer', tenant.id);
    const bad = [none, `${header}.${payload}.`, `${good}x`, signed({ expiresIn: 1, iat: 1 }), theirs, 'ta_x', 'x', ''];
    for (const token of [...bad, http.jwt.sign({ sid: 'x' }, { iss: 'another' }), signed({})])
      expect([token, (await ask(http, '/me', { token })).statusCode]).toEqual([token, 401]);
    expect((await ask(http, '/me', { headers: { authorization: `Basic ${good}` } })).statusCode).toBe(401);
    expect((await ask(http, '/me')).statusCode).toBe(401);
    expect((await ask(http, '/me', { token: good })).statusCode).toBe(200);
  });

  test('an admin is created only by the command, and must name a tenant', async () => {
    const { db, http, tenant, logIn } = await open();
    await createAdmin({ db }, { email: 'Root@Example.com', name: 'Root', password });
    await expect(createAdmin({ db }, { email: 'root@example.com', name: '', password })).rejects.toMatchObject({
      code: 'conflict',
    });
    const { access_token: token } = (await logIn({ email: 'root@example.com' })).json<Tokens>();
    expect((await ask(http, '/me', { token })).json()).toMatchObject({ role: 'admin', tenant_id: null });
    expect((await ask(http, '/agents', { token })).json()).toEqual({
      error: { code: 'malformed', message: 'Admins must send X-Tenant-Id.' },
    });
    const within = (id: string) => ask(http, '/agents', { token, headers: { 'x-tenant-id': id } });
    expect((await within(tenant.id)).statusCode).toBe(200);
    expect((await within('nowhere')).statusCode).toBe(404);
    const owner = (await logIn()).json<Tokens>().access_token;
    const made = await ask(http, '/users', { token: owner, body: { email: 'x@example.com', role: 'admin', password } });
    expect(made.statusCode).toBe(400);
  });
});
