/** Whatever is sent, the response is a documented one and never a 500. */
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import type { Db } from '#src/database/open.ts';
import { describeBothDatabases } from '#test/support/database.ts';
import { testContext, testHttp } from '#test/support/context.ts';
import { anyText } from '#test/support/matchers.ts';
import { signature } from '#test/support/signed.ts';
import { anyBody, fitting, operationsOf, type Operation } from './document.ts';
import { makeCompany, signIn } from './users.ts';

const runs = Number(process.env.FUZZ_RUNS ?? 25);

const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('\0', '..', '%', '-1', '1e9'));

const sometimes = <T>(values: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 1, arbitrary: values }, { weight: oneIn - 1, arbitrary: fc.constant(null) });

/** A URL of the operation, often with an existing id, and with valid or invalid filters. */
const anyUrl = ({ path, query }: Operation, ids: readonly string[]): fc.Arbitrary<string> => {
  const id = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...ids) },
    { weight: 1, arbitrary: anything.map(encode) },
  );
  const filters = Object.entries(query).map(([name, schema]) => {
    const values = fc.oneof({ weight: 4, arbitrary: fitting(schema) }, fc.constantFrom(...ids), anything);
    return sometimes(
      values.map((value) => `${name}=${encode(String(value))}`),
      4,
    );
  });
  return fc.tuple(id, fc.tuple(...filters), sometimes(anything, 10)).map(([given, asked, extra]) => {
    const parts = [...asked, extra === null ? null : `${encode(extra)}=1`].filter((part) => part !== null);
    return `${path.replace('{id}', given)}${parts.length > 0 ? `?${parts.join('&')}` : ''}`;
  });
};

const encode = (text: string): string => encodeURIComponent(text.toWellFormed());

const anyHeaders: fc.Arbitrary<Record<string, string | null>> = fc.record({
  'if-match': sometimes(fc.constantFrom('"0"', '0', 'W/"1"', '*', 'x', '"99999999999"'), 2),
  'content-type': sometimes(fc.constantFrom('application/json; charset=utf-8', 'text/plain', 'x'), 8),
  'x-request-id': sometimes(fc.constantFrom('abc', 'a b', 'x'.repeat(200)), 2),
});

const given = (headers: Record<string, string | null>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));

/** Whether the status shows that the handler was reached. */
const isInside = ({ access, path }: Operation, status: number): boolean =>
  status < 300 ||
  status === 404 ||
  (access === 'public' && status === 401) ||
  (path.endsWith('password') && status === 403);

/** Clients: a tenant's owner, and an admin with and without a tenant. */
const anyone = async (http: FastifyInstance, db: Db) => {
  const { tenantId, ids, tokens } = await makeCompany(http, db);
  const admin = { authorization: `Bearer ${await signIn(http, db, 'admin', null)}` };
  const owner = { authorization: `Bearer ${tokens.owner}` };
  const who: Record<string, string>[] = [owner, owner, { ...admin, 'x-tenant-id': tenantId }, admin];
  return { who: fc.constantFrom(...who), ids: Object.values(ids) };
};

describeBothDatabases('whatever is sent', (openDatabase) => {
  test('gets a documented response, never a 500', { timeout: Math.max(300_000, runs * 12_000) }, async () => {
    const db = await openDatabase();
    const http = testHttp(testContext(db));
    await http.ready();
    const closed: string[] = [];
    for (const operation of await operationsOf(http)) {
      const { who, ids } = await anyone(http, db);
      const isWebhook = operation.access === undefined;
      const seen = new Set<number>();
      const asked = fc.tuple(anyUrl(operation, ids), anyBody(operation.body, ids), anyHeaders, who, fc.ipV4());
      await fc.assert(
        fc.asyncProperty(asked, async ([url, payload, headers, credential, remoteAddress]) => {
          const response = await http.inject({
            method: operation.method,
            url,
            remoteAddress,
            headers: {
              'content-type': 'application/json',
              ...(isWebhook ? signature(payload) : credential),
              ...given(operation.method === 'GET' ? {} : headers),
            },
            ...(operation.method !== 'GET' && { payload }),
          });
          const { statusCode } = response;
          seen.add(statusCode);
          if (operation.statuses.includes(statusCode)) return;
          if (statusCode >= 500) throw new Error(`${statusCode} ${response.body}`);
          expect(response.headers['x-request-id']).toMatch(/^[\w.:-]{1,100}$/);
          expect(response.json()).toEqual({ error: { code: anyText, message: anyText } });
        }),
        { numRuns: runs, seed: 20_261_122 },
      );
      const isReached = [...seen].some((status) => isInside(operation, status) || operation.statuses.includes(status));
      if (!isReached) closed.push(`${operation.name}: ${[...seen].join(' ')}`);
    }
    // Every handler was reached: requests that are rejected before it prove nothing.
    expect(closed).toEqual([]);
  });
});
