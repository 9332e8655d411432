/** A phone that is gone without hanging up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { dialFromProcess } from '#src/simulators/caller/caller-process.ts';
import { sharedLivekit } from '#test/support/livekit.ts';
import { callerIn, joinAsAgent, tone } from './stand-in-agent.ts';

const server = sharedLivekit();
afterAll(closeRtc);

test('a caller whose network vanishes says no goodbye: LiveKit notices by itself', async () => {
  const caller = await dialFromProcess({ ...server, from: '+15551234567', to: '+18588796658' });
  onTestFinished(() => caller[Symbol.asyncDispose]());
  const agent = await joinAsAgent(server, caller.call.room);
  onTestFinished(() => agent[Symbol.asyncDispose]());
  await agent.publish();
  await caller.whenActive(10_000);
  await caller.say(tone(300));
  await expect.poll(() => agent.audioIn.lastSpeech(), { timeout: 5_000 }).not.toBeNull();
  caller.loseNetwork();
  await sleep(5_000);
  expect(callerIn(agent)).toBeDefined();
  await expect.poll(() => callerIn(agent), { timeout: 40_000, interval: 100 }).toBeUndefined();
});
