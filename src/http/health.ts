/** Liveness and readiness, kept apart: a LiveKit outage must not restart a process that is running calls. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { pingDb } from '../database/ping.ts';
import type { Context } from '../context.ts';

/** `warming`: registered, but no call process has become ready yet, so no job is accepted. */
const workerStates = ['ok', 'warming', 'draining', 'not_registered'] as const;
type WorkerState = (typeof workerStates)[number];

export type Readiness = Readonly<{ worker: () => WorkerState; readyProcesses: () => number }>;

const databaseTimeoutMs = 2_000;
const pingEveryMs = 1_000;

const okOrFailed = (isFine: boolean): 'ok' | 'failed' => (isFine ? 'ok' : 'failed');

const partState = z.enum(['ok', 'failed']);

const answer = z.object({
  status: partState,
  database: partState,
  worker: z.enum(workerStates),
  livekit: partState,
  failing: z.array(z.string()).describe('The parts that are not ok.'),
  ready_processes: z.number().describe('Call processes that wait for a call.'),
});

const schema = {
  tags: ['health'],
  summary: 'Readiness: whether calls can be answered',
  response: { 200: answer, 503: answer },
};

/** GET /livez: the process and its event loop only. */
export const livezRoute = (app: FastifyInstance): void => {
  const schema = { tags: ['health'], summary: 'Liveness: whether the process and its event loop respond' };
  app.get('/livez', { schema }, () => ({ status: 'ok' }));
};

/** Pings the database at most once a second, however often readiness is requested. */
const openPing = ({ db }: Pick<Context, 'db'>): (() => Promise<boolean>) => {
  let last = { at: -Infinity, answer: Promise.resolve(true) };
  return () => {
    const now = performance.now();
    if (now - last.at > pingEveryMs) last = { at: now, answer: pingDb(db, databaseTimeoutMs) };
    return last.answer;
  };
};

/** GET /api/v1/webhooks/health: 200 if calls can be answered, else 503 with the failing parts. */
export const healthRoute = (app: FastifyInstance, ctx: Context, readiness: Readiness): void => {
  const ping = openPing(ctx);
  app.get('/health', { schema }, async (_request, reply) => {
    const [database, livekit] = await Promise.all([
      ping().then(okOrFailed),
      ctx.livekit.isReachable().then(okOrFailed),
    ]);
    // The worker doesn't notice that LiveKit is gone: while LiveKit doesn't respond, it isn't registered.
    const worker = livekit === 'ok' ? readiness.worker() : 'not_registered';
    const isReady = database === 'ok' && worker === 'ok';
    const failing = Object.entries({ database, worker, livekit }).flatMap(([part, state]) =>
      state === 'ok' ? [] : [part],
    );
    return reply.code(isReady ? 200 : 503).send({
      status: isReady ? 'ok' : 'failed',
      database,
      worker,
      livekit,
      failing,
      ready_processes: readiness.readyProcesses(),
    });
  });
};
