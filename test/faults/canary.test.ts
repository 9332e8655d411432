/** A unique number, name and sentence go through every path of a call: none of them may appear in the log. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { closeRtc, nowMs, type Caller } from '#src/simulators/caller/caller.ts';
import type { Providers } from '#src/simulators/providers/server.ts';
import { machineToken } from '#test/service/api/users.ts';
import { descendantsOf } from '#test/support/processes.ts';
import { signature } from '#test/support/signed.ts';
import { openInstallation, phoneTo, startNpm, type Installation, type Running } from './start.ts';
import { isComplete, lastFramesMs, quiet, textsOf } from './talk.ts';

const number = '+12025550177';
const name = 'Zebulon Quickwater';
const sentence = `My name is ${name} and my secret is heliotrope`;
const canaries = ['2025550177', 'zebulon', 'quickwater', 'heliotrope'];

let installation: Installation;
let providers: Providers;
beforeAll(async () => {
  installation = await openInstallation();
  providers = installation.providers;
  await providers.setScenario({
    name: 'demo',
    caller: [sentence],
    repeat: true,
    replies: [
      {
        when: { turn: 1 },
        say: `Thank you, ${name}.`,
        tool: { name: 'take_message', arguments: { name, number, reason: sentence } },
      },
    ],
    otherwise: `Goodbye, ${name}.`,
  });
  await installation.db.campaign.updateMany({ data: { transferDestinations: [{ name, number }] } });
}, 300_000);
afterAll(async () => {
  await installation[Symbol.asyncDispose]();
  await closeRtc();
});

/** Sends requests that the service refuses, each with all of the canaries. */
const askWrongly = async (): Promise<void> => {
  const body = JSON.stringify({
    call_id: sentence,
    from_number: number,
    to_number: number,
    room_name: `room-${number}`,
  });
  const post = (path: string, headers: Record<string, string>, text = body) =>
    fetch(`${installation.url}/api/v1${path}`, {
      method: 'POST',
      body: text,
      headers: { 'content-type': 'application/json', ...headers },
    });
  const secret = installation.livekit.apiSecret;
  await post('/webhooks/livekit/sip-inbound', signature(body, secret)); // an unknown number
  await post('/webhooks/livekit/sip-inbound', { 'x-livekit-signature': 'wrong' });
  await post('/webhooks/livekit/sip-inbound', signature(`${body}{`, secret), `${body}{`);
  await post('/auth/login', {}, JSON.stringify({ email: 'zebulon@quickwater.example', password: sentence }));
  await fetch(`${installation.url}/api/v1/calls?phone_number=${encodeURIComponent(number)}`);
};

/** The caller's agent dies, and another one takes over with the transcript. */
const loseAgent = async ({ pid }: Running, caller: Caller): Promise<void> => {
  for (const { pid: one, command } of descendantsOf(pid))
    if (command.includes('job_proc')) process.kill(one, 'SIGKILL');
  await caller.whenAgentSpeaks({ timeoutMs: 30_000, since: nowMs() + lastFramesMs });
  await quiet(caller);
};

/** The operator speaks through the agent, then transfers the caller, which this LiveKit server can't do. */
const giveOrders = async (caller: Caller): Promise<void> => {
  const { id, tenantId } = await installation.db.callLog.findFirstOrThrow({ where: { openRoom: caller.call.room } });
  const token = await machineToken(installation.db, tenantId ?? '');
  const orders = { say: { text: sentence }, transfer: { destination: name } };
  for (const [type, body] of Object.entries(orders)) {
    const response = await fetch(`${installation.url}/api/v1/calls/${id}/${type}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(202);
    await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: nowMs() });
    await quiet(caller);
  }
  const saidByAgent = async () => textsOf(await installation.db.callTurn.findMany(), 'agent');
  await expect.poll(saidByAgent, { timeout: 20_000 }).toContain(defaultSystemMessages.transferFailed);
};

describe('a canary number, name and sentence through every path', () => {
  test.runIf(isComplete)('none of them is in the log, at every level', async () => {
    const service = await startNpm(installation, { LOG_LEVEL: 'trace' });
    const caller = await phoneTo(installation, number);
    await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: caller.dialedAt });
    await quiet(caller);
    // Two failures in a row would end the call.
    for (const fault of [null, 'llm', null, 'tts', null, 'stt'] as const) {
      await providers.clearFaults();
      if (fault === 'llm') await providers.setFault({ service: 'llm', kind: 'cut', afterTokens: 2, times: 'all' });
      if (fault === 'tts') await providers.setFault({ service: 'tts', kind: 'status', status: 500, times: 2 });
      if (fault === 'stt') await providers.setFault({ service: 'stt', kind: 'dropAtFinal', times: 1 });
      const { lastSampleAt } = await caller.say(sentence);
      await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: lastSampleAt });
      await quiet(caller);
    }
    await loseAgent(service, caller);
    const { lastSampleAt } = await caller.say(sentence);
    await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: lastSampleAt });
    await quiet(caller);
    await giveOrders(caller);
    await askWrongly();
    await caller.hangUp();
    const isOpen = () => installation.db.callLog.count({ where: { openRoom: { not: null } } });
    await expect.poll(isOpen, { timeout: 30_000 }).toBe(0);
    service.child.kill('SIGTERM');
    await service.exited;
    const turns = await installation.db.callTurn.findMany();
    expect(JSON.stringify(turns).toLowerCase()).toContain('heliotrope'); // it was understood
    expect(await installation.db.callMessage.count()).toBe(1);
    expect(textsOf(turns, 'agent')).toEqual(expect.arrayContaining([defaultSystemMessages.afterBreak, sentence]));
    const lines = service.output().split('\n');
    expect(lines.length).toBeGreaterThan(50);
    const found = lines.filter((line) => canaries.some((canary) => line.toLowerCase().includes(canary)));
    expect(found).toEqual([]);
  });
});
