/** Is it alive, and can it take calls? Two questions: a LiveKit outage must not kill running calls. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { pingDb } from '../database/ping.ts';
import type { Context } from '../context.ts';

/** `warming`: registered, but no call process has been ready yet, so that no job is accepted. */
const workerStates = ['ok', 'warming', 'draining', 'not_registered'] as const;
export type WorkerState = (typeof workerStates)[number];

export type Readiness = Readonly<{ worker: () => WorkerState; readyProcesses: () => number }>;

const databaseTimeoutMs = 2_000;
const pingEveryMs = 1_000;

const okOrFailed = (isFine: boolean): 'ok' | 'failed' => (isFine ? 'ok' : 'failed');

const state = z.enum(['ok', 'failed']);

const answer = z.object({
  status: state,
  database: state,
  worker: z.enum(workerStates),
  livekit: state,
  failing: z.array(z.string()),
  ready_processes: z.number(),
});

const described = {
  tags: ['health'],
  summary: 'Can calls be answered?',
  response: { 200: answer, 503: answer },
};

/** GET /livez: the process and its event loop only. */
export const livezRoute = (app: FastifyInstance): void => {
  const schema = { tags: ['health'], summary: 'Do the process and its event loop live?' };
  app.get('/livez', { schema }, () => ({ status: 'ok' }));
};

/** However often somebody asks, the database is asked once a second. */
const openPing = ({ db }: Pick<Context, 'db'>): (() => Promise<boolean>) => {
  let asked = { at: -Infinity, answer: Promise.resolve(true) };
  return () => {
    const now = performance.now();
    if (now - asked.at > pingEveryMs) asked = { at: now, answer: pingDb(db, databaseTimeoutMs) };
    return asked.answer;
  };
};

/** GET /api/v1/webhooks/health: 200 when the database answers and the worker is registered; 503 naming what doesn't. */
export const healthRoute = (app: FastifyInstance, ctx: Context, readiness: Readiness): void => {
  const ping = openPing(ctx);
  app.get('/health', { schema: described }, async (_request, reply) => {
    const [database, livekit] = await Promise.all([
      ping().then(okOrFailed),
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
