/** Calls that are refused, handed over, or come to a limit. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { startService } from '#src/service.ts';
import { loadConfig, requireCallConfig } from '#src/config.ts';
import { admitAll, finalRecords, startTestService, untilRecorded, type TestService } from '#test/support/service.ts';

const campaign = () => ({
  silenceAskMs: 10_000,
  silenceGoodbyeMs: 30_000,
  maxCallMs: 1_800_000,
  maxConcurrent: 3,
  agentName: service.agentName,
});

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
  await service.providers.setScenario({ name: 'demo', caller: ['Hello'], repeat: true, otherwise: 'Yes, I am here.' });
}, 300_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await closeRtc();
});

const texts = (turns: { role: string; text: string }[]) =>
  turns.filter(({ role }) => role === 'agent').map(({ text }) => text);

test('silence: asks, asks again, says goodbye and hangs up', async () => {
  await service.setCampaign({
    ...campaign(),
    greeting: 'Hi.',
    silenceAskMs: 2_500,
    silenceGoodbyeMs: 7_500,
    silenceSentence: 'Still there?',
    goodbyeSentence: 'Bye then.',
  });
  const caller = await service.phone({ agentName: service.agentName });
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', endReason: 'silence' });
  expect(texts(turns)).toEqual(['Hi.', 'Still there?', 'Still there?', 'Bye then.']);
  const gapsMs = turns.slice(1).map(({ startMs }) => startMs - (turns[0]?.endMs ?? 0));
  for (const [n, gapMs] of gapsMs.entries()) expect(Math.abs(gapMs - 2_500 * (n + 1))).toBeLessThan(1_500);
});

test('the limit of minutes: a sentence, then the end', async () => {
  await service.setCampaign({
    ...campaign(),
    greeting: 'Hi.',
    maxCallMs: 4_000,
    timeLimitSentence: 'Our time is up. Goodbye!',
  });
  const caller = await service.phone({ agentName: service.agentName });
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', endReason: 'time_limit' });
  expect(texts(turns)).toEqual(['Hi.', 'Our time is up. Goodbye!']);
});

test('the caller speaks first where the campaign says so', async () => {
  await service.setCampaign({ ...campaign(), maxCallMs: 1_800_000, firstSpeaker: 'caller' });
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenActive(15_000);
  await caller.say('Hello');
  await untilRecorded(service, caller.call.room, ({ turns }) => turns.length >= 2);
  await caller.hangUp();
  const { turns } = await finalRecords(service, caller.call.room);
  expect(turns.map(({ role, text }) => [role, text])).toEqual([
    ['caller', 'Hello'],
    ['agent', 'Yes, I am here.'],
  ]);
  await service.setCampaign({ firstSpeaker: 'agent' });
});

test('a call to an unknown number is refused unanswered: nothing is heard, the refusal is recorded', async () => {
  const caller = await service.phone({ agentName: service.agentName, to: '+12025550123' });
  const end = await caller.whenEnded();
  expect(['PARTICIPANT_REMOVED', 'ROOM_DELETED']).toContain(end.reason);
  expect(caller.activeAt()).toBeNull();
  expect(caller.firstHeardAt()).toBeNull();
  const { call, lead } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'rejected', rejectReason: 'number_unknown', tenantId: null });
  expect(lead).toBeNull();
});

test('a full campaign is heard: its sentence, then the end', async () => {
  await service.setCampaign({
    ...campaign(),
    maxConcurrent: 0,
    fullSentence: 'All lines of {{campaign.name}} are busy. Goodbye!',
  });
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
  const { call, turns, lead } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'rejected', rejectReason: 'campaign_full', attempt: 0 });
  expect(texts(turns)).toEqual(['All lines of Front desk are busy. Goodbye!']);
  expect(lead).toBeNull();
  await service.setCampaign(campaign());
});

test('nobody dispatched an agent: after 3 s the service does, once', async () => {
  const caller = await service.phone();
  const at = await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: caller.dialedAt });
  expect(at - caller.dialedAt).toBeGreaterThan(3_000);
  await caller.hangUp();
  const { call } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', attempt: 1 });
  const events = await service.ctx.db.callEvent.findMany({ where: { callId: call.id, type: 'redispatched' } });
  expect(events).toHaveLength(1);
});

test('another agent that does not come: after 3 s this one takes the call', async () => {
  await service.setCampaign({ ...campaign(), agentName: 'nobody-there' });
  const caller = await service.phone({ agentName: service.agentName });
  const at = await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: caller.dialedAt });
  expect(at - caller.dialedAt).toBeGreaterThan(3_000);
  await caller.hangUp();
  const { call } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', agentName: 'nobody-there', attempt: 1 });
});

test('another agent that is there gets the room, and this one leaves', async () => {
  const sales = `${service.agentName}-sales`;
  await service.setCampaign({ ...campaign(), agentName: sales });
  const config = requireCallConfig(loadConfig({ ...service.env, AGENT_NAME: sales, PORT: '0' }));
  await using other = await startService({ config, env: process.env, admission: admitAll });
  await other.ready;
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: caller.dialedAt });
  const open = await service.ctx.db.callLog.findFirstOrThrow({ where: { roomName: caller.call.room } });
  expect(open).toMatchObject({ status: 'in_progress', ownerId: other.ctx.ownerId, attempt: 1 });
  await caller.hangUp();
  const { call } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', endReason: 'caller_hangup' });
  await service.setCampaign(campaign());
});

test('a service that can answer says so', async () => {
  const health = await fetch(`${service.url}/api/v1/webhooks/health`);
  expect([health.status, await health.json()]).toMatchObject([
    200,
    { status: 'ok', database: 'ok', worker: 'ok', livekit: 'ok', failing: [] },
  ]);
});

test('a caller whose SIP attributes hold the numbers only is routed all the same', async () => {
  const caller = await service.phone({ agentName: service.agentName, callId: '', trunkId: '' });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await caller.hangUp();
  const { call, lead } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({
    status: 'completed',
    phoneNumber: '+15551234567',
    callSid: expect.stringMatching(/^RM_/) as string,
  });
  expect(lead?.status).toBe('completed');
});

test('a commanded end: a sentence is said, then the call is over', async () => {
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  const { id } = await service.ctx.db.callLog.findFirstOrThrow({ where: { roomName: caller.call.room } });
  expect(service.link.send('no such call', { type: 'say', text: 'Hello?' })).toBe(false);
  expect(service.link.send(id, { type: 'end', say: 'We are closing now. Goodbye!', reason: 'ended_by_service' })).toBe(
    true,
  );
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', endReason: 'ended_by_service' });
  expect(texts(turns).at(-1)).toBe('We are closing now. Goodbye!');
});
