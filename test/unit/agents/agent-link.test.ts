import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openAgentLink, type Command } from '#agents/telephony/report/agent-link.ts';
import type { ClaimResult } from '#src/protocol/messages.ts';
import { jobOf, openFakeService } from '#test/conversation/support/fake-service.ts';

const providers = { deepgram: { apiKey: 'a', baseUrl: 'ws://d' }, openai: { apiKey: 'b', baseUrl: 'http://o/v1' } };
const claim = {
  jobId: 'AJ_1',
  room: 'room-1',
  roomSid: 'RM_1',
  agentIdentity: 'agent-1',
  metadata: '',
  caller: { identity: 'sip_1', isSip: true, attributes: {} },
};
const open = (result: ClaimResult) => openFakeService({ providers, resultOf: () => result });

test('hello, init, ready, claim, claim result, events, ended, done', async () => {
  await using service = await open({ kind: 'job', job: jobOf() });
  const link = await openAgentLink(service.path);
  expect(link.init.providers).toEqual(providers);
  link.ready();
  expect(await link.claim(claim, 1_000)).toEqual({ kind: 'job', job: jobOf() });
  link.report({ kind: 'answered', at: 5 });
  link.report({ kind: 'ended', reason: 'caller_hangup', at: 6 });
  await link.done;
  link.report({ kind: 'answered', at: 7 }); // after the end nothing is reported
  await sleep(20);
  expect(service.ready()).toBe(true);
  expect(service.agentEvents.map(({ kind }) => kind)).toEqual(['answered', 'ended']);
});

test('while the claim result takes time, the call host gets a message to play', async () => {
  const result: ClaimResult = { kind: 'job', job: jobOf() };
  await using service = await openFakeService({ providers, resultOf: () => null });
  const link = await openAgentLink(service.path);
  const first = link.claim(claim, 1_000);
  await expect.poll(() => service.claims.length).toBe(1);
  service.send({ type: 'wait', text: 'Just a moment.', cachedSpeech: { 'Just a moment.': '/cache/1.pcm' } });
  expect(await first).toEqual({
    kind: 'wait',
    text: 'Just a moment.',
    cachedSpeech: { 'Just a moment.': '/cache/1.pcm' },
  });
  link.report({ kind: 'answered', at: 5 });
  service.send({ type: 'claim_result', result });
  expect(await link.claimResult).toEqual(result);
  link.report({ kind: 'answered', at: 6 });
  await expect.poll(() => service.agentEvents).toEqual([{ kind: 'answered', at: 6 }]);
});

test('nothing is reported without a call', async () => {
  await using service = await open({ kind: 'leave', reason: 'taken' });
  const link = await openAgentLink(service.path);
  link.report({ kind: 'answered', at: 5 });
  await link.claim(claim, 1_000);
  link.report({ kind: 'answered', at: 5 });
  await sleep(20);
  expect(service.agentEvents).toEqual([]);
});

test('commands that arrive before there is a handler are not lost', async () => {
  await using service = await open({ kind: 'job', job: jobOf() });
  const link = await openAgentLink(service.path);
  await link.claim(claim, 1_000);
  service.send({ type: 'say', text: 'one' });
  await sleep(20);
  const taken: Command[] = [];
  link.onCommand((command) => taken.push(command));
  service.send({ type: 'end', say: null, reason: 'ended_by_service' });
  await sleep(20);
  expect(taken).toEqual([
    { type: 'say', text: 'one' },
    { type: 'end', say: null, reason: 'ended_by_service' },
  ]);
});

test('a broken link is noticed at once, and nothing waits for it', async () => {
  await using service = await open({ kind: 'job', job: jobOf() });
  const link = await openAgentLink(service.path);
  const startedAt = performance.now();
  service.vanish();
  await link.done;
  expect(link.lost.aborted).toBe(true);
  expect(performance.now() - startedAt).toBeLessThan(500);
  await expect(link.claim(claim, 1_000)).rejects.toThrow(/link/);
  link.report({ kind: 'answered', at: 5 });
});

test('without a service, opening the link fails at once', async () => {
  await expect(openAgentLink('/nonexistent/link')).rejects.toThrow(/ENOENT/);
});
