/** The other choices that a campaign has, and a caller who is suddenly gone. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { dialFromProcess } from '#src/simulators/caller/caller-process.ts';
import { leadInPhrasesOf } from '#src/protocol/lead-in-phrases.ts';
import {
  finalRecords,
  startTestService,
  untilPrepared,
  untilRecorded,
  type TestService,
} from '#test/support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
  await untilPrepared(service, leadInPhrasesOf('en'));
  await service.providers.setScenario({ name: 'demo', caller: ['Hello'], repeat: true, otherwise: 'Yes, I am here.' });
}, 300_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await closeRtc();
});

test("Deepgram's voice and the Silero plugin's voice activity detection, by choice", async () => {
  await service.setCampaign({ voiceProvider: 'deepgram', voice: 'aura-2-thalia-en', vad: 'silero' });
  await service.providers.clearLog();
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: caller.dialedAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  const { lastSampleAt } = await caller.say('Hello');
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: lastSampleAt });
  await untilRecorded(service, caller.call.room, ({ turns }) => turns.some(({ text }) => text === 'Yes, I am here.'));
  await caller.hangUp();
  expect((await finalRecords(service, caller.call.room)).call.status).toBe('completed');
  const kinds = (await service.providers.log()).requests.map(({ kind }) => kind);
  expect(kinds).toContain('speak');
  expect(kinds).not.toContain('speech');
  await service.setCampaign({ voiceProvider: 'openai', voice: null, vad: 'bundled' });
});

test("the caller's network vanishes: noticed within 25 s, and recorded as lost", async () => {
  const caller = await dialFromProcess({
    ...service.dialing(),
    agentName: service.agentName,
  });
  onTestFinished(() => caller[Symbol.asyncDispose]());
  await caller.whenActive(20_000);
  const room = caller.call.room;
  await untilRecorded(service, room, ({ call }) => call.status === 'in_progress');
  const vanishedAt = Date.now();
  caller.loseNetwork();
  await untilRecorded(service, room, ({ call }) => call.status === 'completed', 30_000);
  expect(Date.now() - vanishedAt).toBeLessThan(27_000);
  expect((await finalRecords(service, room)).call).toMatchObject({ endReason: 'caller_lost' });
  await expect.poll(() => service.ctx.livekit.members(room), { timeout: 10_000 }).toBeNull();
});
