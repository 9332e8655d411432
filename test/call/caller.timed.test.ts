import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentDispatchClient, RoomServiceClient } from 'livekit-server-sdk';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { closeRtc, dial, nowMs, type Caller, type DialOptions } from '#src/simulators/caller/caller.ts';
import { sharedLivekit } from '#test/support/livekit.ts';
import { callerIn, joinAsAgent, tone } from './stand-in-agent.ts';

const server = sharedLivekit();
const rooms = new RoomServiceClient(server.httpUrl, server.apiKey, server.apiSecret);
afterAll(closeRtc);

const phone = async (options: Partial<DialOptions> = {}): Promise<Caller> => {
  const caller = await dial({ ...server, from: '+15551234567', to: '+18588796658', ...options });
  onTestFinished(() => caller[Symbol.asyncDispose]());
  return caller;
};

const answer = async (caller: Caller) => {
  const agent = await joinAsAgent(server, caller.call.room);
  onTestFinished(() => agent[Symbol.asyncDispose]());
  await expect.poll(() => callerIn(agent)?.trackPublications.size, { timeout: 5_000 }).toBe(1);
  return agent;
};

test('to LiveKit it is a SIP participant that rings until 200 ms after a track is published', async () => {
  const caller = await phone();
  const [seen] = await rooms.listParticipants(caller.call.room);
  expect(seen).toMatchObject({ kind: 3, identity: 'sip_+15551234567' });
  expect(seen?.attributes).toMatchObject({
    'sip.phoneNumber': '+15551234567',
    'sip.trunkPhoneNumber': '+18588796658',
    'sip.callID': caller.call.callId,
    'sip.trunkID': 'ST_simulated',
    'sip.callStatus': 'ringing',
  });
  const agent = await answer(caller);
  await sleep(300);
  expect(caller.activeAt()).toBeNull();
  const publishedAt = nowMs();
  await agent.publish();
  expect(await caller.whenActive(5_000)).toBeGreaterThan(publishedAt + 195);
  await expect.poll(() => agent.callStatus).toEqual(['active']);
});

test('speech that arrives before the call is active is lost, and counted', async () => {
  const caller = await phone();
  const agent = await answer(caller);
  await agent.publish();
  await agent.audioOut.play(tone(1_500)).done;
  expect(caller.audioIn.clippedMs()).toBeGreaterThan(50);
  expect(caller.firstHeardAt()).toBeGreaterThanOrEqual(caller.activeAt() ?? Infinity);
});

test('it speaks once the call is answered, at the times it reports', async () => {
  const caller = await phone();
  const agent = await answer(caller);
  const saying = caller.say(tone(600));
  await sleep(400);
  expect(agent.audioIn.lastSpeech()).toBeNull();
  await agent.publish();
  const said = await saying;
  expect(said.interrupted).toBe(false);
  expect(said.lastSampleAt - said.firstSampleAt).toBeGreaterThan(560);
  expect(said.lastSampleAt - said.firstSampleAt).toBeLessThan(640);
  await sleep(500);
  const lag = (agent.audioIn.lastSpeech()?.at ?? 0) - said.lastSampleAt;
  expect(lag).toBeGreaterThan(-50);
  expect(lag).toBeLessThan(300);
});

test('it speaks texts, and can be stopped in the middle', async () => {
  const caller = await phone();
  const agent = await answer(caller);
  await agent.publish();
  await caller.say('Hello, is anybody there?');
  await expect.poll(() => agent.audioIn.lastSpeech()).not.toBeNull();
  await sleep(400);
  const saying = caller.startSpeaking(tone(5_000));
  await sleep(500);
  const stoppedAt = nowMs();
  saying.stop();
  expect(await saying.done).toMatchObject({ interrupted: true });
  await sleep(500);
  expect((agent.audioIn.lastSpeech()?.at ?? 0) - stoppedAt).toBeLessThan(400);
});

test('it reports when the agent speaks and when the agent falls silent', async () => {
  const caller = await phone();
  const agent = await answer(caller);
  await agent.publish();
  await caller.whenActive(5_000);
  const speaking = caller.whenAgentSpeaks({ timeoutMs: 5_000 });
  const said = await agent.audioOut.play(tone(700)).done;
  const heardAt = await speaking;
  expect(heardAt - said.firstSampleAt).toBeGreaterThan(-50);
  expect(heardAt - said.firstSampleAt).toBeLessThan(300);
  const quietSince = await caller.whenAgentQuiet({ quietMs: 300, timeoutMs: 5_000 });
  expect(quietSince - said.lastSampleAt).toBeLessThan(400);
  expect(nowMs() - quietSince).toBeGreaterThanOrEqual(300);
  await expect(caller.whenAgentSpeaks({ timeoutMs: 200 })).rejects.toThrow(
    'Timed out after 200 ms waiting for speech from the agent.',
  );
  expect(await caller.whenAgentSpeaks({ timeoutMs: 200, since: said.firstSampleAt })).toBe(heardAt);
});

test('it records what it hears, at the right time', async () => {
  const caller = await phone({ recordAudio: true });
  const agent = await answer(caller);
  await agent.publish();
  const activeAt = await caller.whenActive(5_000);
  await sleep(500);
  await agent.audioOut.play(tone(400)).done;
  await caller.whenAgentQuiet({ quietMs: 200, timeoutMs: 3_000 });
  const sound = caller.audioIn.recording(activeAt);
  const loud = [...sound.entries()].filter(([, value]) => Math.abs(value) > 2_000).map(([index]) => index / 16);
  expect(Math.abs((loud[0] ?? 0) - ((caller.firstHeardAt() ?? 0) - activeAt))).toBeLessThan(60);
  expect((loud.at(-1) ?? 0) - (loud[0] ?? 0)).toBeGreaterThan(350);
  expect((loud.at(-1) ?? 0) - (loud[0] ?? 0)).toBeLessThan(450);
});

test('the end of the call has a reason, whoever ends it', async () => {
  const first = await phone();
  await rooms.deleteRoom(first.call.room);
  expect(await first.whenEnded()).toMatchObject({ reason: 'ROOM_DELETED' });
  await expect(first.say(tone(100))).rejects.toThrow('ROOM_DELETED');
  const second = await phone();
  const agent = await answer(second);
  await second.hangUp();
  expect(await second.whenEnded()).toMatchObject({ reason: 'CLIENT_INITIATED' });
  await expect.poll(() => callerIn(agent), { timeout: 2_000 }).toBeUndefined();
  const third = await phone();
  await rooms.removeParticipant(third.call.room, third.call.identity);
  expect(await third.whenEnded()).toMatchObject({ reason: 'PARTICIPANT_REMOVED' });
});

test('parallel callers each hear their own agent', async () => {
  const callers = await Promise.all(['+15550000001', '+15550000002', '+15550000003'].map((from) => phone({ from })));
  const agents = await Promise.all(callers.map(answer));
  await Promise.all(agents.map((agent) => agent.publish()));
  await Promise.all(callers.map((caller) => caller.whenActive(5_000)));
  await agents[1]?.audioOut.play(tone(400)).done;
  await sleep(300);
  expect(callers.map((caller) => caller.firstHeardAt() !== null)).toEqual([false, true, false]);
});

test('keys arrive as DTMF', async () => {
  const caller = await phone();
  const agent = await answer(caller);
  await caller.sendDtmf('12#');
  await expect.poll(() => agent.digits.join(''), { timeout: 2_000 }).toBe('12#');
  await expect(caller.sendDtmf('x')).rejects.toThrow('Not a key of a phone: x.');
});

/** A service with a sip-inbound endpoint; keeps the requests. */
const service = async (status: number, body: unknown) => {
  const asked: { body: string; signature: string | undefined }[] = [];
  const listener = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const signature = request.headers['x-livekit-signature'];
      asked.push({ body: Buffer.concat(chunks).toString('utf8'), signature: [signature].flat()[0] });
      response.writeHead(status).end(JSON.stringify(body));
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  onTestFinished(() => void listener.close());
  return { url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/sip-inbound`, asked };
};

test('sip-inbound: the request is signed, and the named agent is dispatched with its metadata', async () => {
  const attributes = { inbound: 'true', caller: '+15551234567' };
  const { url, asked } = await service(200, {
    agent_name: 'other-agent',
    metadata: '{"call_type":"inbound"}',
    attributes,
  });
  const caller = await phone({ sipInbound: { url } });
  const [request] = asked;
  const expected = createHmac('sha256', server.apiSecret)
    .update(request?.body ?? '')
    .digest('hex');
  expect(request?.signature).toBe(`sha256=${expected}`);
  expect(JSON.parse(request?.body ?? '')).toMatchObject({
    call_id: caller.call.callId,
    from_number: '+15551234567',
    to_number: '+18588796658',
    room_name: caller.call.room,
  });
  const client = new AgentDispatchClient(server.httpUrl, server.apiKey, server.apiSecret);
  const dispatches = await client.listDispatch(caller.call.room);
  const named = dispatches.filter(({ agentName }) => agentName !== '');
  expect(named).toMatchObject([{ agentName: 'other-agent', metadata: '{"call_type":"inbound"}' }]);
  const [seen] = await rooms.listParticipants(caller.call.room);
  expect(seen?.attributes).toMatchObject(attributes);
});

test('a rejected call and a room that cannot be joined are errors', async () => {
  const { url } = await service(404, { error: { code: 'not_found', message: 'no such number' } });
  await expect(phone({ sipInbound: { url } })).rejects.toThrow(/404.*not_found/);
  await expect(phone({ apiSecret: 'x'.repeat(32) })).rejects.toThrow();
});
