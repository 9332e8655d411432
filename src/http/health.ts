/** Is it alive, and can it take calls? Two questions: a LiveKit outage must not kill running calls. */
import type { FastifyInstance } from 'fastify';
import { pingDb } from '../db.ts';
import type { Context } from '../context.ts';

/** `warming`: registered, but no call process has been ready yet, so that no job is accepted. */
export type WorkerState = 'ok' | 'warming' | 'draining' | 'not_registered';

export type Readiness = Readonly<{ worker: () => WorkerState; readyProcesses: () => number }>;

const databaseTimeoutMs = 2_000;

const okOrFailed = (isFine: boolean): 'ok' | 'failed' => (isFine ? 'ok' : 'failed');

/** GET /livez: the process and its event loop only. */
export const livezRoute = (app: FastifyInstance): void => {
  app.get('/livez', () => ({ status: 'ok' }));
};

/** GET /api/v1/webhooks/health: 200 when the database answers and the worker is registered; 503 naming what doesn't. */
export const healthRoute = (app: FastifyInstance, ctx: Context, readiness: Readiness): void => {
  app.get('/health', async (_request, reply) => {
    const [database, livekit] = await Promise.all([
      pingDb(ctx.db, databaseTimeoutMs).then(okOrFailed),
      ctx.livekit.isReachable().then(okOrFailed),
    ]);
    // Nobody tells us when LiveKit is gone: while it doesn't answer, we are registered nowhere.
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
