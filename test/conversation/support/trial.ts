/**
 * A real call host: forked by a real worker, in a room of a real LiveKit server, with simulated providers and a simulated caller. Only
 * the service's end of the agent link is fake.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RoomServiceClient } from 'livekit-server-sdk';
import type { CallJob } from '#src/protocol/job.ts';
import { dial, type Caller, type DialOptions } from '#src/simulators/caller/caller.ts';
import { startProviders, type Providers, type ScenarioInput } from '#src/simulators/providers/server.ts';
import { openLog } from '#src/log.ts';
import { startWorker } from '#src/worker/worker.ts';
import { sharedLivekit, type SharedLivekit } from '#test/support/livekit.ts';
import { jobOf, openFakeService, type FakeService } from './fake-service.ts';

export type Trial = AsyncDisposable & {
  livekit: SharedLivekit;
  providers: Providers;
  service: FakeService;
  /** The answer to the next claim. */
  job: { next: CallJob; leave: boolean };
  call: (options?: Partial<DialOptions>) => Promise<Caller>;
};

/** Starts everything and waits until a call host is ready. */
export const openTrial = async (scenario: ScenarioInput): Promise<Trial> => {
  await using opened = new AsyncDisposableStack();
  const livekit = sharedLivekit();
  const agentName = `telephony-agent-${crypto.randomUUID().slice(0, 8)}`;
  const providers = opened.use(await startProviders({ scenarios: [scenario] }));
  const job = { next: jobOf(), leave: false };
  const rooms = new RoomServiceClient(livekit.httpUrl, livekit.apiKey, livekit.apiSecret);
  let onReady = () => {};
  const service = opened.use(
    await openFakeService({
      providers: {
        deepgram: { apiKey: 'any', baseUrl: providers.deepgramUrl },
        openai: { apiKey: 'any', baseUrl: providers.openaiUrl },
      },
      resultOf: (claim) =>
        job.leave ? { kind: 'leave', reason: 'refused' } : { kind: 'job', job: { ...job.next, room: claim.room } },
      onEnded: (room) => rooms.deleteRoom(room),
      onReady: () => onReady(),
    }),
  );
  const worker = opened.use(
    startWorker({
      config: {
        agentName,
        maxCalls: 4,
        idleProcesses: 1,
        livekit: { url: livekit.url, apiKey: livekit.apiKey, apiSecret: livekit.apiSecret },
        log: { level: 'warn', pii: true },
      } as Parameters<typeof startWorker>[0]['config'],
      linkPath: service.path,
      log: openLog({ level: 'warn', pii: true }),
      env: process.env,
      onRegistered: () => {},
      onRefused: () => {},
    }),
  );
  onReady = () => worker.setReadyHosts(1);
  for (const until = Date.now() + 30_000; !(service.ready() && worker.isRegistered()); await sleep(20)) {
    if (Date.now() > until) throw new Error('no call host became ready');
  }
  worker.setReadyHosts(1);
  const kept = opened.move();
  return {
    livekit,
    providers,
    service,
    job,
    call: (options = {}) =>
      dial({
        url: livekit.url,
        apiKey: livekit.apiKey,
        apiSecret: livekit.apiSecret,
        from: '+15551234567',
        to: '+18588796658',
        agentName,
        ...options,
      }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
};
