/**
 * Signed sip-inbound requests at 20 connections: verify, route, lead, call log. Ours against Express 5 with Prisma doing the
 * contract's seven steps naively, each in a process of its own on the same schema, in alternating rounds.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDb, type Db } from '#src/database/open.ts';
import { keys } from '#test/support/signed.ts';
import { latenciesOf, type Benchmark } from '../report/benchmark.ts';

const connections = 20;
const warmUpMs = 2_000;
const roundMs = 8_000;
/** ours, reference, reference, ours: whatever drifts on the machine hits both. */
const order = ['ours', 'reference', 'reference', 'ours', 'ours', 'reference', 'reference', 'ours'] as const;
type Side = (typeof order)[number];
const servers: Record<Side, string> = { ours: './ours.ts', reference: './naive.ts' };

type Round = Readonly<{ side: Side; perSecond: number; latenciesMs: readonly number[]; errors: number }>;

const start = async (side: Side, databaseUrl: string): Promise<{ child: ChildProcess; port: number }> => {
  const child = fork(join(import.meta.dirname, servers[side]), [databaseUrl], { stdio: 'inherit' });
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
};

/** Many campaigns, as a provider of such a service has: the open calls of one are few. */
const campaigns = 500;
const numberOf = (n: number): string => `+1858879${String(1_000 + (n % campaigns))}`;

const seedNumbers = async (db: Db): Promise<void> => {
  const tenant = await db.tenant.create({ data: { name: 'Bench' } });
  await db.agent.create({ data: { tenantId: tenant.id, name: 'house-agent', isDefault: true } });
  const indices = Array.from({ length: campaigns }, (_, n) => n);
  const tenantId = tenant.id;
  await db.campaign.createMany({
    data: indices.map((n) => ({
      id: `campaign-${n}`,
      tenantId,
      name: `Campaign ${n}`,
      status: 'active',
      maxConcurrent: 100_000,
    })),
  });
  await db.phoneNumber.createMany({
    data: indices.map((n) => ({ number: numberOf(n), tenantId, campaignId: `campaign-${n}` })),
  });
};

const body = (n: number): string =>
  JSON.stringify({
    call_id: `SIP-${randomUUID()}`,
    trunk_id: 'ST_inbound',
    from_number: `+1555${String(1_000_000 + (n % 5_000))}`,
    to_number: numberOf(n),
    room_name: `sip-room-${randomUUID()}`,
  });

const ask = (agent: Agent, port: number, payload: string): Promise<number> => {
  const signature = createHmac('sha256', keys.apiSecret).update(payload).digest('hex');
  const headers = { 'content-type': 'application/json', 'x-livekit-signature': `sha256=${signature}` };
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const path = '/api/v1/webhooks/livekit/sip-inbound';
  const sent = request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers }, (response) => {
    response.resume();
    response.once('end', () => resolve(response.statusCode ?? 0));
  });
  sent.once('error', reject);
  sent.end(payload);
  return promise;
};

const load = async (port: number, durationMs: number): Promise<Omit<Round, 'side'>> => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const latenciesMs: number[] = [];
  let errors = 0;
  let n = 0;
  const startedAt = performance.now();
  const connection = async (): Promise<void> => {
    while (performance.now() - startedAt < durationMs) {
      const payload = body(n++);
      const askedAt = performance.now();
      const status = await ask(agent, port, payload);
      latenciesMs.push(performance.now() - askedAt);
      if (status !== 200) errors += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  agent.destroy();
  return { perSecond: (latenciesMs.length / (performance.now() - startedAt)) * 1000, latenciesMs, errors };
};

const runRound = async (side: Side): Promise<Round> => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-bench-'));
  const databaseUrl = `file:${join(folder, 'bench.db')}`;
  {
    await using db = await openDb(databaseUrl);
    await seedNumbers(db);
  }
  const { child, port } = await start(side, databaseUrl);
  await load(port, warmUpMs);
  const measured = await load(port, roundMs);
  child.disconnect();
  await once(child, 'exit');
  await rm(folder, { recursive: true, force: true });
  return { side, ...measured };
};

const summary = (rounds: readonly Round[]) => ({
  perSecond: Math.round(rounds.reduce((sum, { perSecond }) => sum + perSecond, 0) / rounds.length),
  latencyMs: latenciesOf(rounds.flatMap(({ latenciesMs }) => latenciesMs)),
  errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
});

export const benchmark: Benchmark = async ({ progress }) => {
  const rounds: Round[] = [];
  for (const side of order) {
    const round = await runRound(side);
    rounds.push(round);
    const { p50, p99 } = latenciesOf(round.latenciesMs);
    progress(
      `${side}: ${Math.round(round.perSecond)} requests/s, p50 ${p50} ms, p99 ${p99} ms, ${round.errors} errors`,
    );
  }
  const ours = summary(rounds.filter(({ side }) => side === 'ours'));
  const reference = summary(rounds.filter(({ side }) => side === 'reference'));
  const ratio = Math.round((ours.perSecond / reference.perSecond) * 100) / 100;
  const p99Ratio = Math.round((ours.latencyMs.p99 / reference.latencyMs.p99) * 100) / 100;
  const samples = rounds.map(({ side, perSecond, latenciesMs }) => ({
    side,
    perSecond,
    latenciesMs: latenciesMs.map((value) => Math.round(value * 100) / 100),
  }));
  return { ratio, ours: { ...ours, p99Ratio }, reference, samples };
};
