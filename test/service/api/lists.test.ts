/** Long lists: with any filters, the pages together contain every match once, in order, and no page reads too many records. */
import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import type { Db } from '#src/database/open.ts';
import { maxExamined } from '#src/database/keyset-list.ts';
import { leadStatuses } from '#src/leads/lead.ts';
import { callStatuses } from '#src/protocol/call-status.ts';
import { testContext, testHttp } from '#test/support/context.ts';
import { describeBothDatabases } from '#test/support/database.ts';
import { ask, machineToken } from './users.ts';

type Listed = { items: { id: string }[]; next_cursor: string | null };

/** Reproducible random numbers. */
const dice = (seed: number) => {
  let state = seed;
  return (sides: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % sides;
  };
};

const start = Date.UTC(2026, 0, 1);

/** A tenant with two campaigns, each with a number. */
const makeTenant = async (db: Db, name: string) => {
  const { id: tenantId } = await db.tenant.create({ data: { name } });
  const campaigns = [`${name}-c0`, `${name}-c1`];
  await db.campaign.createMany({ data: campaigns.map((id) => ({ id, tenantId, name: id })) });
  const numbers = [`${name}-n0`, `${name}-n1`];
  await db.phoneNumber.createMany({
    data: numbers.map((id, n) => ({ id, tenantId, number: `+1858${name}${n}`, campaignId: campaigns[n] ?? null })),
  });
  return { tenantId, campaigns, numbers, token: await machineToken(db, tenantId) };
};
type Tenant = Awaited<ReturnType<typeof makeTenant>>;

/** All pages of a list. */
const readAll = async (http: FastifyInstance, token: string, path: string, limit: number) => {
  const pages: string[][] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const response = await ask(http, `${path}&limit=${limit}${more}`, { token });
    expect(response.statusCode).toBe(200);
    const { items, next_cursor: next } = response.json<Listed>();
    pages.push(items.map(({ id }) => id));
    cursor = next;
    expect(pages.length).toBeLessThan(1000);
  }
  return pages;
};

type Order = Readonly<{ id: string; createdAt: Date }>;
const newestFirst = <T extends Order>(rows: readonly T[]): T[] =>
  rows.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1));

const leadsOf = ({ tenantId, campaigns }: Tenant, draw: (sides: number) => number) =>
  Array.from({ length: 120 }, (_, n) => ({
    id: `${tenantId}-l${String(n).padStart(3, '0')}`,
    tenantId,
    campaignId: campaigns[n % 2] ?? '',
    phoneNumber: `+1555${String(Math.floor(n / 2) % 40)}-${Math.floor(n / 80)}`,
    name: 'Lead',
    status: leadStatuses[draw(3)] ?? 'failed', // none failed
    archivedAt: draw(4) === 0 ? new Date(start) : null,
    createdAt: new Date(start + draw(20) * 1000),
  }));

const callsOf = (
  { tenantId, campaigns, numbers }: Tenant,
  leads: readonly { id: string; phoneNumber: string }[],
  draw: (sides: number) => number,
) =>
  Array.from({ length: 300 }, (_, n) => {
    const lead = leads[draw(12)];
    const campaign = draw(2);
    return {
      id: `${tenantId}-${String(n).padStart(4, '0')}`,
      tenantId,
      leadId: lead?.id ?? null,
      phoneNumber: lead?.phoneNumber ?? '',
      campaignId: draw(5) === 0 ? null : (campaigns[campaign] ?? null),
      phoneNumberId: numbers[draw(9) === 0 ? 1 - campaign : campaign] ?? null,
      dialedNumber: '+18580000000',
      callSid: `${tenantId}-sid-${n}`,
      roomName: 'room',
      status: callStatuses[draw(4)] ?? 'completed', // none failed
      duration: draw(3) === 0 ? null : draw(60),
      createdAt: new Date(start + draw(25) * 60_000),
    };
  });

/** A condition as a query and as a predicate. */
type Condition<Row> = Readonly<{ query: string; holds: (row: Row) => boolean }>;

/** At most one condition of each kind. */
const combine = <Row>(kinds: readonly (readonly Condition<Row>[])[], draw: (sides: number) => number) => {
  const chosen = kinds
    .flatMap((kind) => (draw(5) < 3 ? [] : [kind[draw(kind.length)]]))
    .filter((one) => one !== undefined);
  return {
    query: chosen.map(({ query }) => query).join('&'),
    holds: (row: Row) => chosen.every(({ holds }) => holds(row)),
  };
};

type CallRow = ReturnType<typeof callsOf>[number];

const callConditions = ({ campaigns, numbers }: Tenant, calls: readonly CallRow[]): Condition<CallRow>[][] => {
  const at = (minutes: number) => new Date(start + minutes * 60_000);
  return [
    callStatuses.map((status) => ({ query: `status=${status}`, holds: (call) => call.status === status })),
    campaigns.map((id) => ({ query: `campaign_id=${id}`, holds: (call) => call.campaignId === id })),
    numbers.map((id) => ({ query: `phone_number_id=${id}`, holds: (call) => call.phoneNumberId === id })),
    calls
      .slice(0, 5)
      .map(({ leadId }) => ({ query: `lead_id=${leadId ?? ''}`, holds: (call) => call.leadId === leadId })),
    calls.slice(0, 5).map(({ phoneNumber: number }) => ({
      query: `phone_number=${encodeURIComponent(number)}`,
      holds: (call) => call.phoneNumber === number,
    })),
    [0, 7, 13, 30].map((minute) => ({
      query: `since=${at(minute).toISOString()}`,
      holds: (call) => call.createdAt >= at(minute),
    })),
    [0, 9, 20, 30].map((minute) => ({
      query: `until=${at(minute).toISOString()}`,
      holds: (call) => call.createdAt < at(minute),
    })),
    [0, 10, 59, 60].map((n) => ({
      query: `min_duration=${n}`,
      holds: ({ duration }) => duration !== null && duration >= n,
    })),
    [0, 10, 59].map((n) => ({
      query: `max_duration=${n}`,
      holds: ({ duration }) => duration !== null && duration <= n,
    })),
  ];
};

type LeadRow = ReturnType<typeof leadsOf>[number];

const leadConditions = ({ campaigns }: Tenant, leads: readonly LeadRow[]): Condition<LeadRow>[][] => [
  leadStatuses.map((status) => ({ query: `status=${status}`, holds: (lead) => lead.status === status })),
  campaigns.map((id) => ({ query: `campaign_id=${id}`, holds: (lead) => lead.campaignId === id })),
  leads.slice(0, 9).map(({ phoneNumber: number }) => ({
    query: `phone_number=${encodeURIComponent(number)}`,
    holds: (lead) => lead.phoneNumber === number,
  })),
];

describeBothDatabases('lists', (openDatabase) => {
  const open = async () => {
    const db = await openDatabase();
    const http = testHttp(testContext(db));
    await http.ready();
    const draw = dice(7);
    const [tenant, other] = [await makeTenant(db, 'a'), await makeTenant(db, 'b')];
    const fill = async (one: Tenant) => {
      const leads = leadsOf(one, draw);
      const calls = callsOf(one, leads, draw);
      await db.lead.createMany({ data: leads });
      await db.callLog.createMany({ data: calls });
      return { leads: newestFirst(leads), calls: newestFirst(calls) };
    };
    return { db, http, draw, tenant, other, ...(await fill(tenant)), others: await fill(other) };
  };

  test('of calls contain exactly what any filters match', async () => {
    const { http, draw, tenant, calls } = await open();
    for (let n = 0; n < 150; n++) {
      const { query, holds } = combine(callConditions(tenant, calls), draw);
      const wanted = calls.filter(holds).map(({ id }) => id);
      const limit = wanted.length < 10 ? 1 + draw(3) : 7 + draw(94);
      const pages = await readAll(http, tenant.token, `/calls?${query}`, limit);
      expect([query, pages.flat()]).toEqual([query, wanted]);
      expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
    }
  });

  test('of leads contain exactly what any filters match', async () => {
    const { http, draw, tenant, leads } = await open();
    for (let n = 0; n < 80; n++) {
      const isArchived = draw(2) === 0;
      const { query, holds } = combine(leadConditions(tenant, leads), draw);
      const wanted = leads.filter((lead) => holds(lead) && (lead.archivedAt !== null) === isArchived);
      const path = `/leads?is_archived=${isArchived}&${query}`;
      const pages = await readAll(http, tenant.token, path, wanted.length < 10 ? 1 + draw(3) : 7 + draw(94));
      expect([path, pages.flat()]).toEqual([path, wanted.map(({ id }) => id)]);
    }
  });

  test('continue from a cursor with other filters too', async () => {
    const { http, tenant, calls } = await open();
    const half = await ask(http, '/calls?limit=100', { token: tenant.token });
    const { items, next_cursor: cursor } = half.json<Listed>();
    const rest = calls.slice(items.length);
    const earliest = rest[0]?.createdAt.getTime() ?? 0;
    for (const minutes of [-3, 0, 3]) {
      const time = new Date(earliest + minutes * 60_000);
      for (const [name, holds] of [
        ['until', (call: CallRow) => call.createdAt < time],
        ['since', (call: CallRow) => call.createdAt >= time],
      ] as const) {
        const path = `/calls?${name}=${time.toISOString()}&limit=100&cursor=${cursor ?? ''}`;
        const found = (await ask(http, path, { token: tenant.token })).json<Listed>();
        const wanted = rest.filter(holds).slice(0, 100);
        expect(found.items.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
      }
    }
  });

  test("of another tenant's campaign, number, lead or caller are empty and have no next page", async () => {
    const { http, tenant, other, others } = await open();
    const [lead] = others.leads;
    const [call] = others.calls.filter(({ leadId }) => leadId !== null);
    for (const path of [
      `/calls?campaign_id=${other.campaigns[0] ?? ''}`,
      `/calls?phone_number_id=${other.numbers[0] ?? ''}&min_duration=1`,
      `/calls?lead_id=${call?.leadId ?? ''}&status=completed`,
      `/leads?campaign_id=${lead?.campaignId ?? ''}`,
    ]) {
      expect((await ask(http, path, { token: other.token })).json<Listed>().items.length).toBeGreaterThan(0);
      expect((await ask(http, path, { token: tenant.token })).json()).toEqual({ items: [], next_cursor: null });
    }
  });

  test('read a bounded number of calls per page, and still find everything', async () => {
    const { db, http, tenant, calls } = await open();
    const [base] = calls;
    const later = Array.from({ length: 2 * maxExamined.inTable + 100 }, (_, n) => ({
      ...{ ...base, leadId: null, status: 'completed' as const, campaignId: tenant.campaigns[0] ?? null },
      ...{ phoneNumberId: tenant.numbers[0] ?? null, phoneNumber: '+15559999999', dialedNumber: '+1', roomName: 'r' },
      id: `later-${String(n).padStart(6, '0')}`,
      tenantId: tenant.tenantId,
      callSid: `later-${n}`,
      createdAt: new Date(start + 86_400_000 + Math.floor(n / 3)),
      duration: n <= maxExamined.inTable + 100 ? 100 : 200, // the newest of 100 s is the last that the first page looks at
    }));
    for (let n = 0; n < later.length; n += 500) await db.callLog.createMany({ data: later.slice(n, n + 500) });
    const all = newestFirst([...calls, ...later]);
    const caller = 'phone_number=%2B15559999999';
    const campaign = `campaign_id=${tenant.campaigns[1] ?? ''}`;
    const number = `phone_number_id=${tenant.numbers[0] ?? ''}`;
    for (const [query, holds] of [
      // Old, and too many to be found by their duration.
      [`${caller}&min_duration=90&max_duration=100`, ({ duration }) => duration === 100],
      [`${caller}&min_duration=90&max_duration=100&status=completed`, ({ duration }) => duration === 100],
      ['max_duration=30', ({ duration }) => duration !== null && duration <= 30], // few
      [
        `${campaign}&${number}`,
        (call) => call.campaignId === tenant.campaigns[1] && call.phoneNumberId === tenant.numbers[0],
      ],
    ] satisfies [string, (call: CallRow) => boolean][]) {
      const pages = await readAll(http, tenant.token, `/calls?${query}`, 100);
      const wanted = all.filter(holds).map(({ id }) => id);
      expect([query, pages.flat()]).toEqual([query, wanted]);
      expect(pages.length).toBeLessThanOrEqual(wanted.length / 100 + 5);
    }
    const first = (await ask(http, `/calls?${campaign}&${number}`, { token: tenant.token })).json<Listed>();
    expect([first.items.length, first.next_cursor === null]).toEqual([0, false]);
  });
});
