/** What holds for every response, the OpenAPI document, and the explanation of a route. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openDb } from '#src/database/open.ts';
import { createDatabase, describeBothDatabases, useTestDatabases } from '#test/support/database.ts';
import { seedTenant, testContext, testHttp } from '#test/support/context.ts';
import { signature } from '#test/support/signed.ts';
import { operationsOf } from './document.ts';
import { ask, machineToken, makeCompany, signIn, statusAndBody } from './users.ts';

const root = join(import.meta.dirname, '../../..');
const production = { NODE_ENV: 'production', JWT_SECRET: 'a-secret-of-thirty-two-characters-or-more' };

describeBothDatabases('every response', (openDatabase, { kind, databases }) => {
  const open = async (env: Record<string, string> = {}) => {
    const db = await openDatabase();
    const http = testHttp(testContext(db, { env }));
    await http.ready();
    return { db, http };
  };

  test('has a request id and security headers', async () => {
    const { http } = await open();
    const own = await ask(http, '/me', { headers: { 'x-request-id': 'abc-123' } });
    expect(own.headers).toMatchObject({
      'x-request-id': 'abc-123',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
    });
    const odd = await ask(http, '/me', { headers: { 'x-request-id': 'a\tb' } });
    expect(odd.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    for (const url of ['/livez', '/nowhere', '/api/v1/webhooks/health', '/%zz'])
      expect((await http.inject({ url })).headers['x-request-id'] ?? url).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('is readable by other origins only if CORS_ORIGINS lists them', async () => {
    const preflight = { 'access-control-request-method': 'GET', origin: 'https://console.example' };
    const closed = await open();
    const asked = await closed.http.inject({ method: 'OPTIONS', url: '/api/v1/me', headers: preflight });
    expect([asked.statusCode, asked.headers['access-control-allow-origin']]).toEqual([404, undefined]);
    const { http } = await open({ CORS_ORIGINS: 'https://console.example' });
    const allowed = await http.inject({ method: 'OPTIONS', url: '/api/v1/me', headers: preflight });
    expect(allowed.headers['access-control-allow-origin']).toBe('https://console.example');
    const other = { ...preflight, origin: 'https://evil.example' };
    const refused = await http.inject({ method: 'OPTIONS', url: '/api/v1/me', headers: other });
    expect(refused.headers['access-control-allow-origin']).not.toBe('https://evil.example');
    const webhook = await http.inject({
      url: '/api/v1/webhooks/health',
      headers: { origin: 'https://console.example' },
    });
    expect(webhook.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('has the same form for every error', async () => {
    const { db, http } = await open();
    const { tokens } = await makeCompany(http, db);
    const big = await http.inject({
      method: 'POST',
      url: '/api/v1/agents',
      headers: { authorization: `Bearer ${tokens.owner}`, 'content-type': 'application/json' },
      payload: `"${'x'.repeat(300_000)}"`,
    });
    const codes = [
      [await ask(http, '/nowhere'), 404, 'not_found'],
      [await ask(http, '/%zz'), 400, 'malformed'],
      [await ask(http, '/me'), 401, 'unproven'],
      [await ask(http, '/users', { token: tokens.viewer }), 403, 'forbidden'],
      [await ask(http, '/agents', { token: tokens.owner, body: {} }), 400, 'malformed'],
      [
        await ask(http, '/agents', { token: tokens.owner, body: {}, headers: { 'content-type': 'text/plain' } }),
        415,
        'unsupported_type',
      ],
      [big, 413, 'too_large'],
    ] as const;
    for (const [response, status, code] of codes) {
      expect([response.statusCode, response.json()]).toEqual([
        status,
        { error: { code, message: expect.any(String) as string } },
      ]);
    }
  });

  test('is documented, with the access of its route', async () => {
    const { http } = await open();
    const operations = await operationsOf(http);
    const names = operations.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['GET /livez', 'POST /api/v1/webhooks/livekit/sip-inbound', 'GET /api/v1/calls/{id}']),
    );
    // All routes except the documentation's own, as trees of lines such as "├── /api/v1/agents (GET, HEAD, POST)".
    const trees = http.printRoutes({ commonPrefix: false }).split(/^(?=[├└]── )/m);
    const methods = trees
      .filter((tree) => !tree.includes('── /docs'))
      .flatMap((tree) => [...tree.matchAll(/\b(GET|POST|PATCH|PUT|DELETE)\b/g)]);
    expect(methods.length).toBe(operations.length);
    const accesses = operations.filter(({ path }) => !/livez|webhooks/.test(path)).map(({ access }) => access);
    expect(accesses).not.toContain(undefined);
    const document = (await http.inject('/docs/json')).json<{ openapi: string; paths: object }>();
    expect(document.openapi).toBe('3.1.0');
    const page = await http.inject('/docs/');
    expect([page.statusCode, page.headers['content-security-policy']]).toEqual([
      200,
      expect.stringContaining("script-src 'self'"),
    ]);
  });

  test('in production a dry run needs a signature, or a token with the permission, for numbers of its tenant', async () => {
    const { db, http } = await open(production);
    const { tenant, number } = await seedTenant(db);
    const payload = JSON.stringify({ to_number: number.number });
    const dryRun = (headers: Record<string, string>) =>
      http.inject({
        method: 'POST',
        url: '/api/v1/webhooks/test',
        payload,
        headers: { 'content-type': 'application/json', ...headers },
      });
    const bearer = (token: string) => dryRun({ authorization: `Bearer ${token}` });
    expect((await dryRun({})).statusCode).toBe(401);
    expect((await dryRun(signature('another'))).statusCode).toBe(401);
    expect((await dryRun(signature(payload))).json()).toMatchObject({ decision: 'accept' });
    expect((await bearer(await signIn(http, db, 'operator', tenant.id))).json()).toMatchObject({ decision: 'accept' });
    expect((await bearer(await machineToken(db, tenant.id))).json()).toMatchObject({ decision: 'accept' });
    expect((await bearer(await signIn(http, db, 'viewer', tenant.id))).statusCode).toBe(403);
    expect((await bearer(await signIn(http, db, 'admin', null))).json()).toMatchObject({ decision: 'accept' });
    const other = await makeCompany(http, db);
    expect((await bearer(other.tokens.operator)).json()).toMatchObject({
      decision: 'reject',
      number: null,
      tenant: null,
    });
  });

  test('explains how a call would be routed, with its prompt, and records nothing', async () => {
    const { db, http } = await open();
    const { tenant, campaign, number } = await seedTenant(db, {
      campaign: { prompt: 'It is {{now}}; {{lead.name}} calls {{tenant.name}}.', greeting: 'Hello {{nobody}}' },
    });
    await db.lead.create({
      data: { tenantId: tenant.id, campaignId: campaign?.id ?? '', phoneNumber: '+15551112222', name: 'Ann' },
    });
    const token = await signIn(http, db, 'operator', tenant.id);
    const body = { to: '(858) 879-6658', from: '+1 555 111 2222', at: '2026-01-31T18:00:00Z' };
    const explained = await ask(http, '/routing/explain', { token, body });
    expect(explained.json()).toMatchObject({
      decision: 'accept',
      reject_reason: null,
      number: { id: number.id },
      tenant: { name: 'Dental' },
      campaign: { name: 'Front desk' },
      campaign_version: null,
      agent_name: 'house-agent',
      lead: { name: 'Ann' },
      prompt: 'It is Sat, 31 Jan 2026 18:00:00 GMT; Ann calls Dental.',
      greeting: 'Hello! This is your AI assistant. How can I help you?',
    });
    const { reasons } = explained.json<{ reasons: string[] }>();
    expect(reasons.join('\n')).toMatch(
      /is the number \+18588796658\n.*kept as \+15551112222\n.*number .*\ncampaign Front desk\n.*default agent: house-agent\n.*is the lead .*\n.*no published version.*\n.*greeting: \{\{nobody}} is not a variable/,
    );
    expect([await db.callLog.count(), await db.lead.count()]).toEqual([0, 1]);
    await db.phoneNumber.updateMany({ data: { isActive: false } });
    expect((await ask(http, '/routing/explain', { token, body })).json()).toMatchObject({
      decision: 'reject',
      reject_reason: 'number_inactive',
      prompt: null,
    });
    const other = (await makeCompany(http, db)).tokens.operator;
    expect((await ask(http, '/routing/explain', { token: other, body })).json()).toMatchObject({
      reject_reason: 'number_unknown',
      tenant: null,
    });
  });

  test('the commands create the first admin and explain a call in the same way', async () => {
    const url = await createDatabase(kind, databases());
    const env = { ...process.env, DATABASE_URL: url };
    const main = join(root, 'src/cli/main.ts');
    const admin = async (password: string) => {
      const child = spawn(
        process.execPath,
        [main, 'admin:create', '--email', 'Root@example.com', '--password-stdin', '--json'],
        { env },
      );
      child.stdin.end(`${password}\n`);
      const exited = once(child, 'exit') as Promise<[number]>;
      const [out, error, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
      return { out, error, code };
    };
    expect(await admin('short')).toMatchObject({ code: 1, error: 'The password must have 12 to 200 characters.\n' });
    const made = await admin('correct horse battery staple');
    expect([made.code, JSON.parse(made.out)]).toEqual([0, { id: expect.any(String) as string }]);
    expect(await admin('correct horse battery staple')).toMatchObject({ code: 1 });
    await using db = await openDb(url);
    await seedTenant(db);
    const explain = (to: string) =>
      promisify(execFile)(process.execPath, [main, 'route:explain', '--to', to, '--json'], { env });
    expect(JSON.parse((await explain('8588796658')).stdout)).toMatchObject({
      decision: 'accept',
      agentName: 'house-agent',
    });
    await expect(explain('+15550000000')).rejects.toMatchObject({ code: 1 });
  });
});

const databases = useTestDatabases();

test('is 503 while the database is unavailable, and only the webhooks speak of a call', async () => {
  const url = await createDatabase('sqlite', databases());
  await using db = await openDb(url, { lockedTimeoutMs: 100 });
  const http = testHttp(testContext(db));
  const { tokens } = await makeCompany(http, db);
  const other = new Database(url.slice('file:'.length));
  onTestFinished(() => void other.close());
  other.exec('BEGIN IMMEDIATE');
  const api = await ask(http, '/agents', { token: tokens.owner, body: { name: 'sales' } });
  expect(statusAndBody(api)).toEqual([
    503,
    { error: { code: 'unavailable', message: 'The database is unavailable. Try again shortly.' } },
  ]);
  const inbound = { call_id: 'SIP-1', from_number: '', to_number: '+18588796658', room_name: 'room' };
  const ended = { event: 'room.finished', room: { name: 'room' } };
  for (const [path, body] of [
    ['sip-inbound', inbound],
    ['events', ended],
  ] as const) {
    const headers = signature(JSON.stringify(body));
    const webhook = await ask(http, `/webhooks/livekit/${path}`, { body, headers });
    const message = 'The call could not be recorded: the database is unavailable. Try again shortly.';
    expect([path, ...statusAndBody(webhook)]).toEqual([path, 503, { error: { code: 'unavailable', message } }]);
  }
});

test("every function of a scoped store requires the tenant's scope", async () => {
  const files = (await readdir(join(root, 'src'), { recursive: true })).filter((file) =>
    file.endsWith('scoped-store.ts'),
  );
  expect(files.length).toBeGreaterThan(6);
  for (const file of files) {
    const source = await readFile(join(root, 'src', file), 'utf8');
    const functions = source.split(/^export const /m).slice(1);
    expect(functions.length).toBeGreaterThan(1);
    for (const one of functions) {
      const parameters = one.slice(0, one.indexOf('=>'));
      expect([
        file,
        one.split(' ', 1)[0],
        /\(\s*db: Db(Client)?,\s*(scope|\{ tenantId \}): TenantScope\b/.test(parameters),
      ]).toEqual([file, one.split(' ', 1)[0], true]);
    }
  }
});
