/** The link between service and call host breaks during a call. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { openTrial } from '#test/conversation/support/trial.ts';

afterAll(closeRtc);

test('when the service vanishes the agent is gone within a second', async () => {
  await using trial = await openTrial({ name: 'vanishes' });
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: 0 });
  const vanishedAt = performance.now();
  trial.service.vanish();
  while (caller.room.remoteParticipants.size > 0 && performance.now() - vanishedAt < 5_000) await sleep(10);
  expect(performance.now() - vanishedAt).toBeLessThan(1_000);
});
