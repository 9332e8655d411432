/** Every operation as every kind of client: without permission it gets 401, 403 or 404, and nothing changes. */
import { expect, test } from 'vitest';
import type { Role } from '#src/tenants/access.ts';
import { hashOf } from '#src/tenants/secret.ts';
import { describeBothDatabases } from '#test/support/database.ts';
import { testContext, testHttp } from '#test/support/context.ts';
import { lets, operationsOf, sampleOf, type Operation } from './document.ts';
import { ask, everything, machineToken, makeCompany, signIn, statusAndBody, type Company } from './users.ts';

const kinds = ['owner', 'operator', 'viewer', 'machine'] as const;
const prefix = '/api/v1';

/** The id of a record of the operation's resource. */
const idOf = (company: Company, { path, tag }: Operation): string => {
  const id = company.ids[tag];
  if (id === undefined) throw new Error(`${path} needs a record of ${tag} in users.ts`);
  return id;
};

const pathOf = (operation: Operation, company: Company): string => {
  const path = operation.path.slice(prefix.length);
  return path.includes('{') ? path.replace('{id}', idOf(company, operation)) : path;
};

/** Fields that reference a record, with ids of this company: `campaign_id` references one of /campaigns. */
const namedIn = (company: Company, fields: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    fields.flatMap((field) => {
      const id = company.ids[`${field.replace(/_id$/, '').replaceAll('_', '-')}s`];
      return field.endsWith('_id') && id !== undefined ? [[field, id]] : [];
    }),
  );

/** A valid body, with the version of a new record and the ids of this company. */
const bodyOf = (operation: Operation, company: Company): object | undefined => {
  if (operation.body === null) return undefined;
  const properties = Object.keys(operation.body.properties ?? {});
  const required = Object.fromEntries(
    (operation.body.required ?? []).map((name) => {
      const schema = operation.body?.properties?.[name] ?? {};
      return [name, sampleOf(schema)];
    }),
  );
  const body = {
    ...required,
    ...namedIn(company, properties),
    ...(properties.includes('phone_number') && { phone_number: '+15557654321' }),
    ...(properties.includes('number') && { number: '+15557654321' }),
    ...(properties.includes('name') && { name: 'changed' }),
    ...(properties.includes('is_active') && { is_active: false }),
  };
  return properties.includes('version') ? { ...body, version: 0 } : body;
};

const isGuarded = ({ access }: Operation): boolean => access !== undefined && access !== 'public';

/** The statuses for permitted clients. Commands get 409, because the sample call has ended. */
const expectedOf = (tag: string, method: string): number[] => {
  if (tag === 'auth') return [200, 204, 403];
  return tag === 'calls' && method === 'POST' ? [409] : [200, 201];
};

describeBothDatabases('access', (openDatabase) => {
  const open = async () => {
    const db = await openDatabase();
    const http = testHttp(testContext(db));
    await http.ready();
    const operations = (await operationsOf(http)).filter(isGuarded);
    expect(operations.length).toBeGreaterThan(40);
    return { db, http, operations, ours: await makeCompany(http, db), theirs: await makeCompany(http, db) };
  };

  test('without a token everything is 401', async () => {
    const { db, http, operations, ours } = await open();
    const before = await everything(db);
    for (const operation of operations) {
      const body = bodyOf(operation, ours);
      const { statusCode } = await ask(http, pathOf(operation, ours), { method: operation.method, body });
      expect([operation.name, statusCode]).toEqual([operation.name, 401]);
    }
    expect(await everything(db)).toBe(before);
  });

  test("another tenant's records are 403 or 404 for every client", async () => {
    const { db, http, operations, ours, theirs } = await open();
    const before = await everything(db);
    for (const operation of operations.filter(({ path }) => path.includes('{id}'))) {
      for (const kind of kinds) {
        const response = await ask(http, pathOf(operation, theirs), {
          method: operation.method,
          token: ours.tokens[kind],
          body: bodyOf(operation, ours),
        });
        const expected = lets(operation.access, kind) ? 404 : 403;
        expect([operation.name, kind, ...statusAndBody(response)]).toMatchObject([
          operation.name,
          kind,
          expected,
          { error: {} },
        ]);
      }
    }
    expect(await everything(db)).toBe(before);
  });

  test("another tenant's ids in bodies and filters have no effect", async () => {
    const { db, http, operations, ours, theirs } = await open();
    const admin = await signIn(http, db, 'admin', null);
    const before = await everything(db);
    let tried = 0;
    for (const operation of operations) {
      const bodyIds = namedIn(theirs, Object.keys(operation.body?.properties ?? {}));
      const filters = namedIn(theirs, Object.keys(operation.query));
      for (const kind of [...kinds, 'admin' as const]) {
        const who =
          kind === 'admin'
            ? { token: admin, headers: { 'x-tenant-id': ours.tenantId } }
            : { token: ours.tokens[kind], headers: {} };
        const asked = { ...who, method: operation.method };
        for (const [field, id] of Object.entries(bodyIds)) {
          tried += 1;
          const body = { ...bodyOf(operation, ours), [field]: id };
          const { statusCode } = await ask(http, pathOf(operation, ours), { ...asked, body });
          expect([operation.name, kind, field, [403, 404].includes(statusCode)]).toEqual([
            operation.name,
            kind,
            field,
            true,
          ]);
        }
        for (const [field, id] of Object.entries(filters)) {
          tried += 1;
          const response = await ask(http, `${pathOf(operation, ours)}?${field}=${id}`, asked);
          expect([operation.name, kind, ...statusAndBody(response)]).toEqual([
            operation.name,
            kind,
            200,
            { items: [], next_cursor: null },
          ]);
        }
      }
    }
    expect(tried).toBeGreaterThan(20);
    expect(await everything(db)).toBe(before);
  });

  test('lists contain nothing of another tenant', async () => {
    const { http, operations, ours, theirs } = await open();
    const lists = operations.filter(({ query, access }) => 'cursor' in query && access !== 'tenants:manage');
    expect(lists.length).toBeGreaterThan(7);
    for (const operation of lists) {
      const response = await ask(http, pathOf(operation, ours), { token: ours.tokens.owner });
      const text = response.body;
      expect([operation.name, response.statusCode]).toEqual([operation.name, 200]);
      for (const id of Object.values(theirs.ids))
        expect([operation.name, text.includes(id)]).toEqual([operation.name, false]);
      expect([operation.name, response.json<{ items: unknown[] }>().items.length > 0]).toEqual([operation.name, true]);
    }
  });

  test('without the permission a client gets 403 and changes nothing; with it, it succeeds', async () => {
    const { db, http, operations } = await open();
    const roles: readonly (Role | 'machine')[] = [...kinds, 'admin'];
    for (const operation of operations) {
      for (const kind of roles) {
        const company = await makeCompany(http, db);
        const token = kind === 'admin' ? await signIn(http, db, 'admin', null) : company.tokens[kind];
        const before = await everything(db);
        const response = await ask(http, pathOf(operation, company), {
          method: operation.method,
          token,
          body: bodyOf(operation, company),
          headers: kind === 'admin' ? { 'x-tenant-id': company.tenantId } : {},
        });
        const who = [operation.name, kind];
        if (lets(operation.access, kind)) {
          const expected = expectedOf(operation.tag, operation.method);
          expect([...who, expected.includes(response.statusCode), response.body]).toEqual([
            ...who,
            true,
            response.body,
          ]);
        } else {
          expect([...who, response.statusCode]).toEqual([...who, 403]);
          expect([...who, (await everything(db)) === before]).toEqual([...who, true]);
        }
      }
    }
  }, 240_000); // hundreds of requests, each with its records: 30 s on a quiet machine

  test('no access without scopes, with an expired or revoked token, or in an inactive tenant', async () => {
    const { db, http, operations, ours } = await open();
    const none = await machineToken(db, ours.tenantId, []);
    for (const data of [{ expiresAt: new Date(0) }, { revokedAt: new Date(0) }]) {
      const token = await machineToken(db, ours.tenantId);
      expect((await ask(http, '/me', { token })).statusCode).toBe(200);
      await db.apiToken.update({ where: { hash: hashOf(token) }, data });
      expect((await ask(http, '/me', { token })).statusCode).toBe(401);
    }
    for (const operation of operations.filter(({ access }) => access !== 'signed_in')) {
      const response = await ask(http, pathOf(operation, ours), {
        method: operation.method,
        token: none,
        body: bodyOf(operation, ours),
      });
      expect([operation.name, response.statusCode]).toEqual([operation.name, 403]);
    }
    await db.tenant.update({ where: { id: ours.tenantId }, data: { isActive: false } });
    for (const kind of kinds) expect((await ask(http, '/me', { token: ours.tokens[kind] })).statusCode).toBe(401);
  });
});
