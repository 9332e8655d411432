/**
 * Signed sip-inbound requests at 20 connections: verify, route, lead, call log. Ours against Express 5 with Prisma doing the
 * contract's seven steps naively, each in a process of its own on the same schema, in alternating rounds.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDb } from '#src/database/open.ts';
import { atLeast, atMost, ratioOf, type Benchmark } from '../report/benchmark.ts';
import { withPace } from '../report/pace.ts';
import { latenciesOf, round } from '../report/statistics.ts';
import { countErrors, loadFully, seedTenants, type Load } from './load.ts';
import { startServer, type ServerScript } from './server.ts';

const connections = 20;
const warmUpMs = 2_000;
const roundMs = 8_000;
const overheadMs = 4_000;
/** ours, reference, reference, ours: what drifts on the machine affects both. */
const order = ['ours', 'reference', 'reference', 'ours', 'ours', 'reference', 'reference', 'ours'] as const;
type Side = (typeof order)[number];
const scripts: Record<Side, ServerScript> = { ours: 'ours.ts', reference: 'naive.ts' };

type Round = Load & Readonly<{ side: Side }>;

const runRound = async (side: Side, durationMs: number): Promise<Round> => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const databaseUrl = `file:${join(folder, 'bench.db')}`;
  {
    await using db = await openDb(databaseUrl);
    await seedTenants(db);
  }
  const server = stack.use(await startServer(scripts[side], databaseUrl, join(folder, 'log')));
  const load = { connections, signal: server.gone };
  const warmUp = await loadFully(server.port, { ...load, durationMs: warmUpMs, from: 0 });
  const measured = await loadFully(server.port, { ...load, durationMs, from: warmUp.latenciesMs.length });
  return { side, ...measured };
};

const figuresOf = (rounds: readonly Round[]) => ({
  perSecond: Math.round(rounds.reduce((sum, { perSecond }) => sum + perSecond, 0) / rounds.length),
  perSecondByRound: rounds.map(({ perSecond }) => Math.round(perSecond)),
  latencyMs: latenciesOf(rounds.flatMap(({ latenciesMs }) => latenciesMs)),
  errors: rounds.reduce((sum, one) => sum + countErrors(one), 0),
});

const problemsOf = (rounds: readonly Round[]): string[] =>
  rounds.flatMap((one, index) => {
    const count = countErrors(one);
    const what = `round ${index + 1}, ${one.side}`;
    if (count > 0) return [`${what}: ${count} requests were not answered with 200: ${JSON.stringify(one.errors)}`];
    return one.latenciesMs.length === 0 ? [`${what}: no request was answered`] : [];
  });

/** Each round of ours over the round of the reference beside it. */
const ratiosOf = (rounds: readonly Round[]): number[] => {
  const perSecond = (side: Side) => rounds.filter((one) => one.side === side).map((one) => one.perSecond);
  const reference = perSecond('reference');
  return perSecond('ours').map((value, index) => round(value / (reference[index] ?? NaN)));
};

export const benchmark: Benchmark = async ({ quick, onlyOurs, ...options }) => {
  const durationMs = quick ? 2_000 : roundMs;
  const sides = (quick ? order.slice(0, 2) : order).filter((side) => !onlyOurs || side === 'ours');
  const progress = withPace(options.progress, sides.length * (warmUpMs + durationMs + overheadMs));
  const rounds: Round[] = [];
  for (const side of sides) {
    const one = await runRound(side, durationMs);
    rounds.push(one);
    const { p50, p95 } = latenciesOf(one.latenciesMs);
    progress(
      `${side}: ${Math.round(one.perSecond)} requests/s, p50 ${p50} ms, p95 ${p95} ms, ${countErrors(one)} errors`,
    );
  }
  const ours = figuresOf(rounds.filter(({ side }) => side === 'ours'));
  const reference = onlyOurs ? null : figuresOf(rounds.filter(({ side }) => side === 'reference'));
  const ratio = ratioOf(ours.perSecond, reference?.perSecond);
  const p99Ratio = reference && ratioOf(ours.latencyMs.p99 ?? NaN, reference.latencyMs.p99 ?? NaN);
  return {
    ratio,
    ours: { ...ours, p99Ratio, ratioByRound: onlyOurs ? [] : ratiosOf(rounds) },
    reference,
    targets: [atLeast('requests per second, ours / naive', ratio, 2.5), atMost('p99, ours / naive', p99Ratio, 0.5)],
    problems: problemsOf(rounds),
    samples: rounds.map((one) => ({ ...one, latenciesMs: one.latenciesMs.map((ms) => round(ms)) })),
  };
};
