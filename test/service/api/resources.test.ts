/** The use of the API, resource by resource. */
import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { findSettings } from '#src/campaigns/store.ts';
import { describeBothDatabases, type OpenTestDb } from '#test/support/database.ts';
import { testContext, testHttp } from '#test/support/context.ts';
import { signature } from '#test/support/signed.ts';
import { ask, makeCompany, signIn, statusAndBody } from './users.ts';

type Json = Record<string, unknown> & { id: string; version: number };
type Listed = { items: Json[]; next_cursor: string | null };

const alreadyExists = (what: string) => [409, { error: { code: 'conflict', message: `Already exists: ${what}.` } }];

const phone = async (http: FastifyInstance, to: string, callId: string): Promise<void> => {
  const payload = JSON.stringify({ call_id: callId, from_number: '+15551112222', to_number: to, room_name: callId });
  const url = '/api/v1/webhooks/livekit/sip-inbound';
  expect((await http.inject({ method: 'POST', url, payload, headers: signature(payload) })).statusCode).toBe(200);
};

const openApi = async (openDatabase: OpenTestDb) => {
  const db = await openDatabase();
  const ctx = testContext(db);
  const http = testHttp(ctx);
  await http.ready();
  const company = await makeCompany(http, db);
  const admin = { token: await signIn(http, db, 'admin', null), headers: { 'x-tenant-id': company.tenantId } };
  const as = (token: string) => ({
    get: (path: string) => ask(http, path, { token }),
    list: async (path: string) => (await ask(http, path, { token })).json<Listed>(),
    post: (path: string, body?: object) => ask(http, path, { token, body, method: 'POST' }),
    patch: (path: string, body: object, headers = {}) => ask(http, path, { token, body, method: 'PATCH', headers }),
  });
  return { db, ctx, http, company, admin, as, owner: as(company.tokens.owner) };
};

describeBothDatabases('resources', (openDatabase) => {
  const open = () => openApi(openDatabase);

  test('lists are newest first, and their pages contain everything once', async () => {
    const { db, company, owner } = await open();
    const sameTime = new Date('2026-01-01T00:00:00Z');
    for (let i = 0; i < 7; i++)
      await db.agent.create({
        data: { tenantId: company.tenantId, name: `agent-${i}`, ...(i < 4 && { createdAt: sameTime }) },
      });
    const all = (await owner.list('/agents')).items;
    expect(all.length).toBe(8);
    const times = all.map(({ created_at }) => String(created_at));
    expect(times).toEqual(times.toSorted().reverse());
    for (const limit of [1, 3, 8]) {
      const seen: Json[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: Listed = await owner.list(`/agents?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items);
        cursor = page.next_cursor;
      }
      expect(seen).toEqual(all);
    }
    for (const wrong of ['limit=0', 'limit=101', 'cursor=x', 'cursor=W10', 'unknown=1'])
      expect((await owner.get(`/agents?${wrong}`)).statusCode).toBe(400);
  });

  test('the second of two updates to the same version is a conflict', async () => {
    const { company, owner } = await open();
    const path = `/agents/${company.ids.agents ?? ''}`;
    const read = await owner.get(path);
    expect(read.headers.etag).toBe('"0"');
    const first = await owner.patch(path, { name: 'first', version: 0 });
    expect([first.statusCode, first.headers.etag, first.json<Json>().version]).toEqual([200, '"1"', 1]);
    const second = await owner.patch(path, { name: 'second', version: 0 });
    expect(statusAndBody(second)).toMatchObject([409, { error: { code: 'conflict' } }]);
    expect((await owner.patch(path, { name: 'second' }, { 'if-match': '"0"' })).statusCode).toBe(409);
    expect((await owner.patch(path, { name: 'second' }, { 'if-match': '"1"' })).statusCode).toBe(200);
    expect((await owner.patch(path, { name: 'third' })).statusCode).toBe(400);
    expect((await owner.patch(path, { name: 'third' }, { 'if-match': '*' })).statusCode).toBe(200);
    const together = await Promise.all(['a', 'b', 'c', 'd'].map((name) => owner.patch(path, { name, version: 3 })));
    expect(together.map(({ statusCode }) => statusCode).toSorted()).toEqual([200, 409, 409, 409]);
    expect((await owner.post(`${path}/archive`, { version: 0 })).statusCode).toBe(409);
  });

  test('unknown fields are refused by name', async () => {
    const { company, owner } = await open();
    const made = await owner.post('/agents', { name: 'x', tenant_id: 'another' });
    expect(statusAndBody(made)).toMatchObject([400, { error: { code: 'malformed' } }]);
    expect(made.body).toContain('tenant_id');
    expect((await owner.patch(`/agents/${company.ids.agents ?? ''}`, { id: 'x', version: 0 })).statusCode).toBe(400);
  });

  test('a tenant has one default agent: a new one replaces it, archiving removes it', async () => {
    const { db, company, owner } = await open();
    const made = (await owner.post('/agents', { name: 'new', is_default: true })).json<Json>();
    const defaults = () => db.agent.findMany({ where: { tenantId: company.tenantId, isDefault: true } });
    expect(await defaults()).toMatchObject([{ id: made.id }]);
    expect(statusAndBody(await owner.post('/agents', { name: 'new' }))).toEqual(
      alreadyExists('an agent with this name'),
    );
    expect((await owner.post(`/agents/${made.id}/archive`)).json()).toMatchObject({
      is_active: false,
      is_default: false,
    });
    expect(await defaults()).toEqual([]);
  });

  test('a campaign is a draft until it is published, and then changes only by publishing', async () => {
    const { db, company, owner } = await open();
    const draft = { prompt: 'You help {{caller.name}}.', greeting: 'Hi!', silence_ask_ms: 8000, turn_patience: 1.5 };
    const made = await owner.post('/campaigns', { name: 'Sales', max_concurrent: 2, draft });
    expect(statusAndBody(made)).toMatchObject([
      201,
      { status: 'draft', published_version: null, has_changes: true, draft, max_concurrent: 2 },
    ]);
    const { id } = made.json<Json>();
    const path = `/campaigns/${id}`;
    const preview = (await owner.post(`${path}/preview`)).json<{ problems: string[] }>();
    expect(preview.problems).toEqual([expect.stringContaining('prompt: {{caller.name}} is not a variable')]);
    expect(statusAndBody(await owner.post(`${path}/publish`))).toMatchObject([
      422,
      { error: { code: 'prompt_invalid' } },
    ]);
    expect((await owner.patch(path, { status: 'active', version: 0 })).statusCode).toBe(409);

    const prompt = 'You help {{caller.number}} for {{campaign.name}}.';
    await owner.patch(path, { draft: { prompt }, version: 0 });
    expect((await owner.post(`${path}/publish`, { version: 0 })).statusCode).toBe(409);
    const published = await owner.post(`${path}/publish`, { version: 1 });
    expect(statusAndBody(published)).toMatchObject([
      200,
      {
        campaign: {
          status: 'active',
          has_changes: false,
          published: { prompt, greeting: 'Hi!', silence_ask_ms: 8000, turn_patience: 1.5, speaking_rate: 1 },
        },
        sample: { prompt: 'You help +15551234567 for Sales.', greeting: 'Hi!' },
      },
    ]);
    const edited = (await owner.patch(path, { draft: { greeting: 'Hello!' }, version: 2 })).json<Json>();
    expect(edited).toMatchObject({ published: { greeting: 'Hi!' }, draft: { greeting: 'Hello!' }, has_changes: true });
    expect((await owner.patch(path, { draft: null, version: 3 })).json()).toMatchObject({ has_changes: false });
    await owner.patch(path, { draft: { greeting: 'Hello!' }, status: 'paused', version: 4 });
    const second = (await owner.post(`${path}/publish`)).json<{ campaign: Json }>().campaign;
    expect(second).toMatchObject({
      status: 'paused',
      published_version: { number: 2 },
      published: { greeting: 'Hello!' },
    });
    const versions = await owner.list(`${path}/versions`);
    expect(versions.items).toMatchObject([
      { number: 2, settings: { greeting: 'Hello!', name: 'Sales' } },
      { number: 1, settings: { greeting: 'Hi!', prompt } },
    ]);
    expect(await db.campaignVersion.count({ where: { campaignId: id } })).toBe(2);

    await owner.post(`${path}/archive`);
    expect((await owner.list('/campaigns')).items.map((one) => one.id)).toEqual([company.ids.campaigns]);
    expect((await owner.list('/campaigns?status=archived')).items.map((one) => one.id)).toEqual([id]);
    expect((await owner.post(`${path}/publish`)).statusCode).toBe(409);
  });

  test('publishing refuses invalid settings', async () => {
    const { owner } = await open();
    const made = (draft: object) => owner.post('/campaigns', { name: 'x', draft });
    for (const [draft, problem] of [
      [{ prompt: '' }, 'prompt: must not be empty'],
      [{ prompt: 'x', greeting: 'Hello {{lead.nam}}' }, 'greeting: {{lead.nam}}'],
      [{ prompt: 'x', silence_ask_ms: 9000, silence_goodbye_ms: 9000 }, 'silence_goodbye_ms'],
      [{ prompt: 'x', voice_provider: 'deepgram', speaking_rate: 0.6 }, 'speaking_rate: must be between 0.7 and 1.5'],
    ] as const) {
      const { id } = (await made(draft)).json<Json>();
      const answer = await owner.post(`/campaigns/${id}/publish`);
      expect([answer.statusCode, answer.body.includes(problem)]).toEqual([422, true]);
    }
    for (const draft of [
      { temperature: 3 },
      { speaking_rate: 2.1 },
      { turn_patience: 0.4 },
      { greeting_protected_ms: 10_001 },
      { language: 'English!' },
      { max_call_ms: 1 },
      { promt: 'x' },
      { vad: 'x' },
    ])
      expect((await made(draft)).statusCode).toBe(400);
  });

  test('concurrent publications create one version', async () => {
    const { db, owner } = await open();
    const { id } = (await owner.post('/campaigns', { name: 'x', draft: { prompt: 'x' } })).json<Json>();
    const answers = await Promise.all([1, 2, 3].map(() => owner.post(`/campaigns/${id}/publish`, { version: 0 })));
    expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([200, 409, 409]);
    expect(await db.campaignVersion.count({ where: { campaignId: id } })).toBe(1);
  });

  test('a call records the version that was published when it came in, and keeps using it', async () => {
    const { db, http, company, owner } = await open();
    const { id } = (await owner.post('/campaigns', { name: 'x', draft: { prompt: 'One.' } })).json<Json>();
    await owner.post(`/campaigns/${id}/publish`);
    const number = await db.phoneNumber.findUniqueOrThrow({ where: { id: company.ids['phone-numbers'] ?? '' } });
    expect((await owner.patch(`/phone-numbers/${number.id}`, { campaign_id: id, version: 0 })).statusCode).toBe(200);
    await phone(http, number.number, 'first');
    await owner.patch(`/campaigns/${id}`, { draft: { prompt: 'Two.' }, version: 1 });
    await owner.post(`/campaigns/${id}/publish`);
    await phone(http, number.number, 'second');
    const calls = await db.callLog.findMany({ where: { campaignId: id }, orderBy: { createdAt: 'asc' } });
    const prompts = calls.map(async (call) => (await findSettings(db, id, call.campaignVersionId))?.prompt);
    expect(await Promise.all(prompts)).toEqual(['One.', 'Two.']);
    const [second] = (await owner.list(`/calls?campaign_id=${id}`)).items;
    const [latest] = (await owner.list(`/campaigns/${id}/versions`)).items;
    expect(second?.campaign_version_id).toBe(latest?.id);
  });

  test('an admin adds numbers to a tenant, and the tenant chooses the campaigns that answer them', async () => {
    const { http, admin, company, owner } = await open();
    const create = (body: object) => ask(http, '/phone-numbers', { ...admin, body });
    const made = await create({ number: '(858) 879-6658', provider_sid: 'PN1' });
    expect(statusAndBody(made)).toMatchObject([201, { number: '+18588796658', campaign_id: null, is_active: true }]);
    expect(statusAndBody(await create({ number: '+18588796658' }))).toEqual(
      alreadyExists('a phone number with this number'),
    );
    expect((await create({ number: 'abc' })).statusCode).toBe(400);
    expect((await owner.post('/phone-numbers', { number: '+18588796659' })).statusCode).toBe(403);
    const path = `/phone-numbers/${made.json<Json>().id}`;
    const campaign = company.ids.campaigns ?? '';
    expect((await owner.patch(path, { campaign_id: campaign, version: 0 })).json()).toMatchObject({
      campaign_id: campaign,
    });
    expect((await owner.patch(path, { livekit_trunk_id: 'ST_x', version: 1 })).statusCode).toBe(403);
    expect((await owner.list(`/phone-numbers?campaign_id=${campaign}`)).items.length).toBe(2);
    expect((await owner.post(`${path}/archive`)).json()).toMatchObject({ is_active: false });
    expect((await owner.list('/phone-numbers?is_active=false')).items.length).toBe(1);
    await owner.post(`/campaigns/${campaign}/archive`);
    expect((await owner.patch(path, { campaign_id: campaign, version: 2 })).statusCode).toBe(409);
  });

  test('an API token is shown once, has the permissions of its scopes, and can be revoked', async () => {
    const { db, as, owner } = await open();
    const made = await owner.post('/tokens', { name: 'crm', scopes: ['leads:read', 'leads:read'] });
    expect(made.statusCode).toBe(201);
    const { token, id, hint } = made.json<{ token: string; id: string; hint: string }>();
    expect(token).toMatch(/^ta_[\w-]{43}$/);
    expect(token.startsWith(hint)).toBe(true);
    const shown = [await owner.get('/tokens'), await owner.get(`/tokens/${id}`)].map(({ body }) => body).join();
    expect(shown).not.toContain(token);
    expect(JSON.stringify(await db.apiToken.findMany())).not.toContain(token);
    const machine = as(token);
    expect((await machine.get('/leads')).statusCode).toBe(200);
    expect((await machine.get('/calls')).statusCode).toBe(403);
    expect((await machine.get('/me')).json()).toMatchObject({ kind: 'token', permissions: ['leads:read'], role: null });
    expect((await owner.get(`/tokens/${id}`)).json<Json>().last_used_at).not.toBeNull();
    const revoked = (await owner.post(`/tokens/${id}/revoke`)).json<Json>();
    expect((await owner.post(`/tokens/${id}/revoke`)).json<Json>().revoked_at).toBe(revoked.revoked_at);
    expect((await machine.get('/leads')).statusCode).toBe(401);
    expect((await owner.post('/tokens', { name: 'x', scopes: ['users:manage'] })).statusCode).toBe(400);
    const past = { name: 'x', scopes: ['leads:read'], expires_at: '2020-01-01T00:00:00Z' };
    const over = (await owner.post('/tokens', past)).json<{ token: string }>();
    expect((await as(over.token).get('/leads')).statusCode).toBe(401);
  });

  test('an archived user loses access at once, and the last owner cannot be archived', async () => {
    const { http, db, company, as, owner } = await open();
    const me = (await owner.get('/me')).json<{ id: string }>();
    expect(statusAndBody(await owner.patch(`/users/${me.id}`, { role: 'viewer', version: 0 }))).toMatchObject([
      409,
      {},
    ]);
    expect((await owner.post(`/users/${me.id}/archive`)).statusCode).toBe(409);
    const second = as(await signIn(http, db, 'owner', company.tenantId));
    const both = await Promise.all([owner.post(`/users/${me.id}/archive`), second.post(`/users/${me.id}/archive`)]);
    expect(both.some(({ statusCode }) => statusCode === 200)).toBe(true);
    expect((await owner.get('/me')).statusCode).toBe(401);
    expect((await second.get('/me')).statusCode).toBe(200);
    expect((await second.list('/users')).items.every((user) => !('password_hash' in user))).toBe(true);
  });

  test('leads are unique by number, can be archived, and are restored when they call', async () => {
    const { db, http, company, owner } = await open();
    const campaign_id = company.ids.campaigns ?? '';
    const lead = { campaign_id, phone_number: '(555) 111-2222', name: 'Ann', metadata: { tags: ['a', { b: 'ü' }] } };
    const made = await owner.post('/leads', lead);
    expect(statusAndBody(made)).toMatchObject([
      201,
      { phone_number: '+15551112222', status: 'new', metadata: lead.metadata },
    ]);
    expect((await owner.post('/leads', lead)).statusCode).toBe(409);
    const { id } = made.json<Json>();
    await owner.post(`/leads/${id}/archive`);
    expect((await owner.list('/leads')).items.map((one) => one.id)).toEqual([company.ids.leads]);
    expect((await owner.list('/leads?is_archived=true')).items.map((one) => one.id)).toEqual([id]);
    const number = await db.phoneNumber.findUniqueOrThrow({ where: { id: company.ids['phone-numbers'] ?? '' } });
    await phone(http, number.number, 'again');
    expect((await owner.get(`/leads/${id}`)).json()).toMatchObject({
      archived_at: null,
      status: 'calling',
      attempts: 1,
    });
    const deep = JSON.parse(`${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`) as object;
    for (const metadata of [{ a: '\0' }, { '\ud800': 1 }, deep, { a: 'x'.repeat(10_001) }])
      expect((await owner.patch(`/leads/${id}`, { metadata, version: 1 })).statusCode).toBe(400);
  });

  test('calls are found by number, lead, campaign, status, time and duration; a single call has its details', async () => {
    const { db, company, owner } = await open();
    const base = { tenantId: company.tenantId, dialedNumber: '+18580000000', roomName: 'r' };
    const at = (day: number) => new Date(Date.UTC(2026, 0, day));
    for (let day = 1; day <= 5; day++)
      await db.callLog.create({
        data: {
          ...{ ...base, callSid: `c${day}`, createdAt: at(day), duration: day * 10, phoneNumber: `+1555000000${day}` },
          ...{
            status: day === 3 ? 'rejected' : 'completed',
            campaignId: day < 3 ? (company.ids.campaigns ?? '') : null,
          },
        },
      });
    const found = async (query: string) =>
      (await owner.list(`/calls?${query}`)).items
        .map(({ call_sid }) => String(call_sid))
        .filter((sid) => /^c\d$/.test(sid));
    expect(await found('')).toEqual(['c5', 'c4', 'c3', 'c2', 'c1']);
    expect(await found('phone_number=%2B15550000004')).toEqual(['c4']);
    expect(await found('status=rejected')).toEqual(['c3']);
    expect(await found(`campaign_id=${company.ids.campaigns ?? ''}`)).toEqual(['c2', 'c1']);
    expect(await found('since=2026-01-02T00:00:00Z&until=2026-01-04T00:00:00Z')).toEqual(['c3', 'c2']);
    expect(await found('since=2026-01-02T01:00:00%2B01:00&until=2026-01-03T00:00:00Z')).toEqual(['c2']);
    expect(await found('min_duration=30')).toEqual(['c5', 'c4', 'c3']);
    expect(await found('min_duration=20&max_duration=30&status=completed')).toEqual(['c2']);
    expect((await owner.list(`/calls?lead_id=${company.ids.leads ?? ''}`)).items.length).toBe(1);
    expect((await owner.list(`/calls?phone_number_id=${company.ids['phone-numbers'] ?? ''}`)).items.length).toBe(1);
    const one = (await owner.get(`/calls/${company.ids.calls ?? ''}`)).json<Json>();
    expect(one).toMatchObject({
      turns: [{ seq: 0, role: 'agent', text: 'Hello!', start_ms: 0, end_ms: 900 }],
      messages: [{ name: 'Bob', reason: 'a question' }],
      events: [{ type: 'routed' }],
      timings: {},
    });
  });

  test('an archived tenant has no access and takes no calls', async () => {
    const { db, http, admin, company, owner } = await open();
    expect((await owner.get('/tenants')).statusCode).toBe(403);
    const made = await ask(http, '/tenants', { ...admin, body: { name: ' Clinic ' } });
    expect(statusAndBody(made)).toMatchObject([201, { name: 'Clinic', is_active: true, version: 0 }]);
    const archived = await ask(http, `/tenants/${company.tenantId}/archive`, { ...admin, method: 'POST' });
    expect(archived.json()).toMatchObject({ is_active: false });
    expect((await owner.get('/me')).statusCode).toBe(401);
    expect((await ask(http, '/tenants?is_active=true', admin)).json<Listed>().items.length).toBe(1);
    expect(await db.tenant.count()).toBe(2);
  });
});
