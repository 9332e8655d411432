/** The worker by itself, at a real LiveKit server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentDispatchClient } from 'livekit-server-sdk';
import { expect, test } from 'vitest';
import { loadConfig, requireCallConfig } from '#src/config.ts';
import { openLivekit } from '#src/livekit/client.ts';
import { openLog } from '#src/log.ts';
import { startWorker } from '#src/worker/worker.ts';
import { sharedLivekit } from '#test/support/livekit.ts';
import { descendantsOf } from '#test/support/processes.ts';

test('a job is not accepted while no call process had a good prewarm, and nothing is left behind', async () => {
  const server = sharedLivekit();
  const agentName = `telephony-agent-${crypto.randomUUID().slice(0, 8)}`;
  const room = `worker-${agentName}`;
  const config = requireCallConfig(
    loadConfig({
      LIVEKIT_URL: server.url,
      LIVEKIT_API_KEY: server.apiKey,
      LIVEKIT_API_SECRET: server.apiSecret,
      DEEPGRAM_API_KEY: 'none',
      OPENAI_API_KEY: 'none',
      IDLE_PROCESSES: '1',
      AGENT_NAME: agentName,
    }),
  );
  const refused: string[] = [];
  const registered = Promise.withResolvers<void>();
  // Nobody listens on this link: every prewarm fails.
  const worker = startWorker({
    config,
    linkPath: '/nonexistent/link',
    log: openLog({ level: 'silent', pii: false }),
    env: process.env,
    onRegistered: registered.resolve,
    onRefused: (name) => refused.push(name),
  });
  await registered.promise;
  expect(worker.isRegistered()).toBe(true);
  const dispatches = new AgentDispatchClient(server.httpUrl, server.apiKey, server.apiSecret);
  await dispatches.createDispatch(room, agentName);
  await sleep(8_000);
  const inference = descendantsOf(process.pid).filter(({ command }) => command.includes('inference'));
  expect(inference, 'the process for a model that nobody asks').toEqual([]);
  const members = await openLivekit(server).members(room);
  expect((members ?? []).filter(({ kind }) => kind === 'agent')).toEqual([]);
  expect(refused).toEqual([room]);
  await worker[Symbol.asyncDispose]();
  expect(worker.isRegistered()).toBe(false);
});
