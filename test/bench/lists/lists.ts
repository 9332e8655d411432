/**
 * Every list of the API with a million calls in the database, on SQLite and on PostgreSQL: real requests over HTTP to the service's
 * HTTP side in a process of its own, one after the other, as the owner of the biggest tenant and with the token of a tiny one, while
 * inbound calls come in.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { DatabaseKind } from '#src/database/address.ts';
import { openDb, type Db } from '#src/database/open.ts';
import { hashPassword } from '#src/tenants/password.ts';
import { hashOf, newSecret } from '#src/tenants/secret.ts';
import { makeDatabase, startTestDatabases } from '#test/support/postgres.ts';
import { atMost, type Benchmark, type Figures } from '../report/benchmark.ts';
import { withPace } from '../report/pace.ts';
import { latenciesOf, round } from '../report/statistics.ts';
import { countErrors, loadSteadily, seedTenants, type Load } from '../webhook/load.ts';
import { startServer } from '../webhook/server.ts';
import { ids, seedLists } from './seed.ts';
import { readings, rowsExpected, shapes } from './shapes.ts';

const requestsEach = { usual: 100, quick: 10 } as const;
/** A list that is too slow is requested less often. */
const mostMsEach = 10_000;
const fewestRequests = 10;
const requestTimeoutMs = 60_000;
const aimMs = 50;
/** Inbound calls that come in meanwhile, for tenants of their own. */
const callsPerSecond = 10;
const expectedMs = { usual: 480_000, quick: 180_000 } as const;

type Progress = (line: string) => void;
type Listed = Readonly<{ items?: readonly unknown[]; next_cursor?: string | null }>;
type Answer = Readonly<{ milliseconds: number; body: Listed }>;
type Ask = (path: string, tenant?: 'big' | 'tiny') => Promise<Answer>;
/** `rows` of the first response; of a reading, of all its pages; null where it is no list. */
type Measured = Readonly<{
  name: string;
  rows: number | null;
  expected: number | null;
  milliseconds: readonly number[];
}>;
type OfDatabase = Readonly<{ measured: readonly Measured[]; webhooks: Load }>;

const email = 'owner@example.com';
const password = 'a long enough password';

/** Users, tokens, trunks and agents of the big tenant, as many as a big customer has; gives the tiny one's API token. */
const seedAccess = async (db: Db): Promise<string> => {
  const tenantId = ids.tenant(0);
  const passwordHash = await hashPassword(password);
  const many = Array.from({ length: 200 }, (_, n) => n);
  await db.user.create({ data: { email, role: 'owner', tenantId, passwordHash } });
  await db.user.createMany({
    data: many.map((n) => ({ email: `user-${n}@example.com`, role: 'viewer', tenantId, passwordHash })),
  });
  await db.agent.createMany({ data: many.map((n) => ({ tenantId, name: `agent-${n}` })) });
  await db.platformTrunk.createMany({
    data: many.map((n) => ({ tenantId, name: `Trunk ${n}`, twilioTrunkSid: `TK${n}` })),
  });
  const tokenOf = (owner: string, token: string) => ({
    ...{ tenantId: owner, name: 'machine', hash: hashOf(token), hint: token.slice(0, 8) },
    scopes: ['calls:read', 'leads:read', 'numbers:read'],
  });
  await db.apiToken.createMany({ data: many.map(() => tokenOf(tenantId, newSecret('ta'))) });
  const token = newSecret('ta');
  await db.apiToken.create({ data: tokenOf(ids.tenant(9), token) });
  return token;
};

/** The service's server, and a client with one connection. */
const serve = async (
  url: string,
  tinyToken: string,
): Promise<Readonly<{ ask: Ask; port: number }> & AsyncDisposable> => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const { port } = stack.use(await startServer('ours.ts', url, join(folder, 'log')));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  stack.defer(() => agent.destroy());
  const send = async (path: string, token: string | null, body?: object): Promise<Answer> => {
    const headers = {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const options = { host: '127.0.0.1', port, path: `/api/v1${path}`, method: body === undefined ? 'GET' : 'POST' };
    const askedAt = performance.now();
    const sent = request({ ...options, agent, headers, signal: AbortSignal.timeout(requestTimeoutMs) }).end(
      body === undefined ? undefined : JSON.stringify(body),
    );
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const answer = await text(response);
    const milliseconds = performance.now() - askedAt;
    if (response.statusCode !== 200) throw new Error(`${path} returned ${response.statusCode}: ${answer}`);
    return { milliseconds, body: JSON.parse(answer) as Listed };
  };
  const { body } = await send('/auth/login', null, { email, password });
  const { access_token: bigToken } = body as { access_token: string };
  const opened = stack.move();
  return {
    port,
    ask: (path, tenant = 'big') => send(path, tenant === 'big' ? bigToken : tinyToken),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};

const measureShapes = async (ask: Ask, most: number, progress: Progress): Promise<Measured[]> => {
  const measured: Measured[] = [];
  for (const { name, tenant, path } of shapes) {
    const milliseconds: number[] = [];
    let rows: number | null = null;
    const endAt = performance.now() + mostMsEach;
    for (let n = 0; n < most && (n < fewestRequests || performance.now() < endAt); n++) {
      const answer = await ask(path(n), tenant);
      milliseconds.push(answer.milliseconds);
      if (n === 0) rows = answer.body.items?.length ?? null;
    }
    measured.push(tell({ name, rows, expected: rowsExpected(name), milliseconds }, progress));
  }
  return measured;
};

/** Each page is measured; `rows` counts those of all. */
const measureReadings = async (ask: Ask, most: number, progress: Progress): Promise<Measured[]> => {
  const measured: Measured[] = [];
  for (const { name, path, pages } of readings) {
    const milliseconds: number[] = [];
    let rows = 0;
    const endAt = performance.now() + mostMsEach;
    for (let cursor: string | null = ''; cursor !== null && milliseconds.length < Math.min(pages, most * 5);) {
      if (milliseconds.length >= fewestRequests && performance.now() > endAt) break;
      const answer: Answer = await ask(cursor === '' ? path : `${path}&cursor=${cursor}`);
      milliseconds.push(answer.milliseconds);
      rows += answer.body.items?.length ?? 0;
      cursor = answer.body.next_cursor ?? null;
    }
    const expected = (rowsExpected(name) ?? 0) * milliseconds.length;
    measured.push(tell({ name, rows, expected, milliseconds }, progress));
  }
  return measured;
};

const tell = (measured: Measured, progress: Progress): Measured => {
  const { p50, p95, n } = latenciesOf(measured.milliseconds);
  const rows = measured.rows === null ? '' : `, ${measured.rows} rows`;
  progress(`${p95 <= aimMs ? '  ' : '! '}${measured.name}: p50 ${p50} ms, p95 ${p95} ms, ${n} requests${rows}`);
  return measured;
};

const measure = async (
  kind: DatabaseKind,
  url: string,
  { progress, quick }: Pick<Parameters<Benchmark>[0], 'progress' | 'quick'>,
): Promise<OfDatabase> => {
  await seedLists(url, (line) => progress(`${kind}: ${line}`));
  let token: string;
  {
    await using db = await openDb(url);
    token = await seedAccess(db);
    await seedTenants(db);
  }
  progress(`${kind}: measuring, with ${callsPerSecond} inbound calls a second beside it …`);
  await using service = await serve(url, token);
  const load = loadSteadily(service.port, callsPerSecond);
  const most = quick ? requestsEach.quick : requestsEach.usual;
  try {
    const measured = [
      ...(await measureShapes(service.ask, most, progress)),
      ...(await measureReadings(service.ask, most, progress)),
    ];
    return { measured, webhooks: await load.stop() };
  } finally {
    await load.stop();
  }
};

const figuresOf = ({ measured, webhooks }: OfDatabase): Figures => ({
  webhookMs: latenciesOf(webhooks.latenciesMs),
  ...Object.fromEntries(measured.map(({ name, rows, milliseconds }) => [name, { ...latenciesOf(milliseconds), rows }])),
});

const problemsOf = (kind: string, { measured, webhooks }: OfDatabase): string[] => [
  ...measured.flatMap(({ name, rows, expected }) =>
    rows === expected ? [] : [`${kind}, ${name}: ${rows ?? 'no'} rows instead of ${expected ?? 'none'}`],
  ),
  ...(countErrors(webhooks) > 0 ? [`${kind}: calls were refused meanwhile: ${JSON.stringify(webhooks.errors)}`] : []),
];

const p95Of = ({ milliseconds }: Measured): number => latenciesOf(milliseconds).p95;

export const benchmark: Benchmark = async ({ quick, ...options }) => {
  const progress = withPace(options.progress, expectedMs[quick ? 'quick' : 'usual']);
  await using databases = await startTestDatabases();
  const results: (readonly [DatabaseKind, OfDatabase])[] = [];
  for (const kind of ['sqlite', 'postgres'] as const) {
    await using database = await makeDatabase(kind, databases);
    results.push([kind, await measure(kind, database.url, { progress, quick })]);
  }
  const all = results.flatMap(([, { measured }]) => measured);
  const slowest = all.reduce((worst, one) => (p95Of(one) > p95Of(worst) ? one : worst));
  const ours = {
    worstP95Ms: p95Of(slowest),
    worst: slowest.name,
    tooSlow: all.filter((one) => p95Of(one) > aimMs).map(({ name }) => name),
    ...Object.fromEntries(results.map(([kind, result]) => [kind, figuresOf(result)])),
  };
  const samples = results.map(([database, { measured, webhooks }]) => ({
    database,
    lists: measured.map((list) => ({ ...list, milliseconds: list.milliseconds.map((ms) => round(ms)) })),
    webhooks: { ...webhooks, latenciesMs: webhooks.latenciesMs.map((ms) => round(ms)) },
  }));
  return {
    ratio: null,
    ours,
    reference: null,
    targets: [atMost('p95 of the slowest list in ms', p95Of(slowest), aimMs)],
    problems: results.flatMap(([kind, result]) => problemsOf(kind, result)),
    samples,
  };
};
