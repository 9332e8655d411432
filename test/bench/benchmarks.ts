/** The benchmarks: how each is loaded, and which files its figures depend on. */
import type { Benchmark } from './report/benchmark.ts';

type Entry = Readonly<{
  load: () => Promise<{ benchmark: Benchmark }>;
  /** Files and folders; a change to any of them makes the figures on the page stale. */
  measures: readonly string[];
}>;

const shared = ['test/bench/report', 'package-lock.json'];
/** What a phone call runs through, and what calls it. */
const call = [
  ...['agents', 'src/protocol', 'src/agent-link', 'src/worker', 'src/framework', 'src/speech-cache', 'src/simulators'],
  ...['test/bench/sides', 'test/bench/recordings', ...shared],
];
const service = ['src/calls', 'src/routing', 'src/database', 'src/feed'];
const http = ['src/http', 'src/leads', 'src/campaigns', 'src/tenants', 'prisma', ...service];

export const benchmarks: Readonly<Record<string, Entry>> = {
  calls: { load: () => import('./calls/calls.ts'), measures: ['test/bench/calls', ...service, ...call] },
  interrupt: { load: () => import('./interrupt.ts'), measures: ['test/bench/interrupt.ts', ...call] },
  lists: { load: () => import('./lists/lists.ts'), measures: ['test/bench/lists', 'test/bench/webhook', ...http] },
  pickup: { load: () => import('./pickup.ts'), measures: ['test/bench/pickup.ts', ...service, ...call] },
  recover: {
    load: () => import('./recover.ts'),
    measures: ['test/bench/recover.ts', 'src/campaigns', ...service, ...call],
  },
  reply: { load: () => import('./reply/reply.ts'), measures: ['test/bench/reply', ...call] },
  soak: { load: () => import('./soak/soak.ts'), measures: ['test/bench/soak', 'src/service.ts', ...service, ...call] },
  webhook: { load: () => import('./webhook/webhook.ts'), measures: ['test/bench/webhook', ...http, ...shared] },
};
