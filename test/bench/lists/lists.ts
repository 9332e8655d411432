/**
 * Every list of the API with a million calls in the database, on SQLite and on PostgreSQL: real requests over HTTP to the service's
 * HTTP side in a process of its own, one after the other, as the owner of the biggest tenant and with the token of a tiny one.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { DatabaseKind } from '#src/database/address.ts';
import { openDb, type Db } from '#src/database/open.ts';
import { hashPassword } from '#src/tenants/password.ts';
import { hashOf, newSecret } from '#src/tenants/secret.ts';
import { makeDatabase, startTestDatabases } from '#test/support/postgres.ts';
import { latenciesOf, type Benchmark } from '../report/benchmark.ts';
import { ids, seedLists } from './seed.ts';
import { readings, shapes } from './shapes.ts';

const requestsEach = { usual: 100, quick: 10 } as const;
/** A list that is too slow is asked less often. */
const mostMsEach = 10_000;
const fewestRequests = 10;

type Progress = (line: string) => void;
type Listed = Readonly<{ items?: readonly unknown[]; next_cursor?: string | null }>;
type Answer = Readonly<{ milliseconds: number; body: Listed }>;
type Ask = (path: string, tenant?: 'big' | 'tiny') => Promise<Answer>;
/** `rows` of the first answer; null where it is no list. */
type Measured = Readonly<{ name: string; rows: number | null; milliseconds: readonly number[] }>;

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

/** The service, and what asks it over one connection. */
const serve = async (url: string, tinyToken: string): Promise<Readonly<{ ask: Ask }> & AsyncDisposable> => {
  const child = fork(join(import.meta.dirname, '../webhook/ours.ts'), [url], { stdio: 'inherit' });
  const [port] = (await once(child, 'message')) as [number];
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = async (path: string, token: string | null, body?: object): Promise<Answer> => {
    const headers = {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const options = { host: '127.0.0.1', port, path: `/api/v1${path}`, method: body === undefined ? 'GET' : 'POST' };
    const askedAt = performance.now();
    const sent = request({ ...options, agent, headers }).end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const answer = await text(response);
    const milliseconds = performance.now() - askedAt;
    if (response.statusCode !== 200) throw new Error(`${path} was answered ${response.statusCode}: ${answer}`);
    return { milliseconds, body: JSON.parse(answer) as Listed };
  };
  const { body } = await send('/auth/login', null, { email, password });
  const { access_token: bigToken } = body as { access_token: string };
  return {
    ask: (path, tenant = 'big') => send(path, tenant === 'big' ? bigToken : tinyToken),
    [Symbol.asyncDispose]: async () => {
      agent.destroy();
      child.disconnect();
      if (child.exitCode === null) await once(child, 'exit');
    },
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
    measured.push(tell({ name, rows, milliseconds }, progress));
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
    measured.push(tell({ name, rows, milliseconds }, progress));
  }
  return measured;
};

const tell = (measured: Measured, progress: Progress): Measured => {
  const { p50, p95, n } = latenciesOf(measured.milliseconds);
  const rows = measured.rows === null ? '' : `, ${measured.rows} rows`;
  progress(`${p95 < aimMs ? '  ' : '! '}${measured.name}: p50 ${p50} ms, p95 ${p95} ms, ${n} requests${rows}`);
  return measured;
};

const aimMs = 50;

const measure = async (
  kind: DatabaseKind,
  url: string,
  { progress, quick }: Parameters<Benchmark>[0],
): Promise<Measured[]> => {
  await seedLists(url, (line) => progress(`${kind}: ${line}`));
  let token: string;
  {
    await using db = await openDb(url);
    token = await seedAccess(db);
  }
  progress(`${kind}: measuring …`);
  await using service = await serve(url, token);
  const most = quick ? requestsEach.quick : requestsEach.usual;
  return [
    ...(await measureShapes(service.ask, most, progress)),
    ...(await measureReadings(service.ask, most, progress)),
  ];
};

const summary = (measured: readonly Measured[]) =>
  Object.fromEntries(measured.map(({ name, rows, milliseconds }) => [name, { ...latenciesOf(milliseconds), rows }]));

const round = (value: number): number => Math.round(value * 100) / 100;

export const benchmark: Benchmark = async (options) => {
  await using databases = await startTestDatabases();
  const measured: Partial<Record<DatabaseKind, Measured[]>> = {};
  for (const kind of ['sqlite', 'postgres'] as const) {
    await using database = await makeDatabase(kind, databases);
    measured[kind] = await measure(kind, database.url, options);
  }
  const all = Object.values(measured).flat();
  const slowest = all.reduce((worst, one) => (p95Of(one) > p95Of(worst) ? one : worst));
  const samples = Object.entries(measured).map(([database, lists]) => ({
    database,
    lists: lists.map(({ milliseconds, ...list }) => ({ ...list, milliseconds: milliseconds.map(round) })),
  }));
  const lists = Object.fromEntries(Object.entries(measured).map(([database, of]) => [database, summary(of)]));
  const ours = {
    worstP95Ms: p95Of(slowest),
    worst: slowest.name,
    tooSlow: all.filter((one) => p95Of(one) >= aimMs).map(({ name }) => name),
  };
  return { ratio: null, ours: { ...ours, ...lists }, reference: null, samples };
};

const p95Of = ({ milliseconds }: Measured): number => latenciesOf(milliseconds).p95;
