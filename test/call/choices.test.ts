/** The other choices that a campaign has, and a caller who is suddenly gone. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { dialFromProcess } from '#src/simulators/caller/caller-process.ts';
import { leadInPhrasesOf } from '#src/protocol/lead-in-phrases.ts';
import {
  callerNumber,
  dialled,
  finalRecords,
  openWorld,
  untilPrepared,
  untilRecorded,
  type World,
} from '#test/support/service.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
  await untilPrepared(world.service, leadInPhrasesOf('en'));
  await world.providers.setScenario({ name: 'demo', caller: ['Hello'], repeat: true, otherwise: 'Yes, I am here.' });
}, 300_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await closeRtc();
});

test("Deepgram's voice and the Silero plugin's voice activity detection, by choice", async () => {
  await world.setCampaign({ voiceProvider: 'deepgram', voice: 'aura-2-thalia-en', vad: 'silero' });
  await world.providers.clearLog();
  const caller = await world.phone({ agentName: 'telephony-agent' });
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: caller.dialedAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  const { lastSampleAt } = await caller.say('Hello');
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: lastSampleAt });
  await untilRecorded(world, caller.call.room, ({ turns }) => turns.some(({ text }) => text === 'Yes, I am here.'));
  await caller.hangUp();
  expect((await finalRecords(world, caller.call.room)).call.status).toBe('completed');
  const kinds = (await world.providers.log()).requests.map(({ kind }) => kind);
  expect(kinds).toContain('speak');
  expect(kinds).not.toContain('speech');
  await world.setCampaign({ voiceProvider: 'openai', voice: null, vad: 'bundled' });
});

test("the caller's network vanishes: noticed within 25 s, and recorded as lost", async () => {
  const caller = await dialFromProcess({
    ...world.around.livekit,
    from: callerNumber,
    to: dialled,
    agentName: 'telephony-agent',
  });
  onTestFinished(() => caller[Symbol.asyncDispose]());
  await caller.whenActive(20_000);
  const room = caller.call.room;
  await untilRecorded(world, room, ({ call }) => call.status === 'in_progress');
  const vanishedAt = Date.now();
  caller.loseNetwork();
  await untilRecorded(world, room, ({ call }) => call.status === 'completed', 30_000);
  expect(Date.now() - vanishedAt).toBeLessThan(27_000);
  expect((await finalRecords(world, room)).call).toMatchObject({ endReason: 'caller_lost' });
  await expect.poll(() => world.service.ctx.livekit.members(room), { timeout: 10_000 }).toBeNull();
});
