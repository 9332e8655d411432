/** The way of a real call: LiveKit has trunk and rule of us, is asked as its SIP service asks, and the service answers. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { startRedis } from '#test/support/redis.ts';
import { obtainSipRoute, sipRoute, type SipRoute } from '#test/support/sip-route.ts';
import {
  callerNumber,
  dialed,
  finalRecords,
  startTestService,
  untilRecorded,
  type TestService,
} from '#test/support/service.ts';

const stack = new AsyncDisposableStack();
let service: TestService;
let redisAddress = '';
beforeAll(async () => {
  await obtainSipRoute((line) => console.log(line));
  const redis = stack.use(await startRedis());
  redisAddress = redis.address;
  service = stack.use(await startTestService({ redisUrl: redis.url }));
  await syncLivekit();
}, 600_000);
afterAll(async () => {
  await stack.disposeAsync();
  await closeRtc();
});

const syncLivekit = async (): Promise<string> => {
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
  const args = [main, 'sync:livekit', '--yes'];
  return (await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...service.env } })).stdout;
};

const invite = (to: string): Promise<SipRoute> =>
  sipRoute({ redisAddress, ...service.livekit }, { from: callerNumber, to });

/** What LiveKit SIP does with a call that is taken. */
const join = ({ room, identity, callId, trunkId, token }: SipRoute) =>
  service.phone({ room, identity, callId, trunkId, token });

test('a call to our number is given a room and our agent, who greets; the record is final', async () => {
  await service.providers.setScenario({
    name: 'demo',
    caller: ['What are your opening hours?'],
    replies: [{ when: 'opening hours', say: 'From eight to six.' }],
    repeat: true,
  });
  const route = await invite(dialed);
  expect(route.result).toBe('ACCEPT');
  const caller = await join(route);
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  expect(caller.audioIn.clippedMs()).toBe(0);
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  const said = await caller.say('What are your opening hours?');
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: said.lastSampleAt });
  await untilRecorded(service, route.room, ({ turns }) => turns.length === 3);
  await caller.hangUp();
  const { call, lead, turns } = await finalRecords(service, route.room);
  expect(call).toMatchObject({
    status: 'completed',
    endReason: 'caller_hangup',
    phoneNumber: callerNumber,
    dialedNumber: dialed,
    callSid: route.callId,
    callerIdentity: route.identity,
    agentName: service.agentName,
    attempt: 1,
  });
  expect(lead?.status).toBe('completed');
  expect(turns.map(({ text }) => text)).toEqual([
    'Hello! This is your AI assistant. How can I help you?',
    'What are your opening hours?',
    'From eight to six.',
  ]);
});

test('a number that became ours is answered after the next run; one that is nobody’s is dropped', async () => {
  const { db } = service.ctx;
  const { tenantId, campaignId } = await db.phoneNumber.findUniqueOrThrow({ where: { number: dialed } });
  const number = '+15550004444';
  expect((await invite(number)).result).toBe('DROP');
  await db.phoneNumber.create({ data: { number, tenantId, campaignId } });
  expect(await syncLivekit()).toContain(`adds ${number}`);
  const route = await invite(number);
  const caller = await join(route);
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await caller.hangUp();
  const { call } = await finalRecords(service, route.room);
  expect(call).toMatchObject({ status: 'completed', dialedNumber: number });
  expect((await invite('+15550005555')).result).toBe('DROP');
});
