/** Calls whose call host dies, hangs, never comes or comes twice, and calls whose caller vanishes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { defaultGreeting, defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { dialFromProcess } from '#src/simulators/caller/caller-process.ts';
import { closeRtc, nowMs } from '#src/simulators/caller/caller.ts';
import { measured } from '#test/support/measured.ts';
import { finalRecords, startTestService, untilRecorded, type TestService } from '#test/support/service.ts';
import {
  answer,
  answerEverything,
  ask,
  expectNobody,
  greeted,
  hangUp,
  isComplete,
  isRunning,
  lastFramesMs,
  line,
  processOf,
  textsOf,
  untilReady,
} from './talk.ts';

/** About fifteen seconds of speech. */
const story = Array.from({ length: 6 }, () => answer).join(' ');

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { CALLS_PER_CALLER_PER_MINUTE: '0' } });
}, 300_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await closeRtc();
});
beforeEach(async () => {
  await answerEverything(service.providers);
  await untilReady(service);
});

const phone = () => service.phone({ agentName: service.agentName });

/** A caller in the middle of the agent's long answer, and the process that speaks. */
const midSentence = async () => {
  await answerEverything(service.providers, story);
  const { caller } = await greeted(phone);
  const { lastSampleAt } = await caller.say(line);
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: lastSampleAt });
  await sleep(2_000);
  await answerEverything(service.providers);
  return { caller, pid: await processOf(service, caller) };
};

/** The conversation continues where it was, in one record. */
const expectContinued = async ({ caller, pid }: Awaited<ReturnType<typeof midSentence>>) => {
  await caller.whenAgentQuiet({ quietMs: 1_200, timeoutMs: 20_000 });
  await ask(caller);
  expect(JSON.stringify((await service.providers.log()).lastChat)).toContain(defaultSystemMessages.afterBreak);
  const { call, turns, events } = await hangUp(service, caller);
  expect(call.attempt).toBe(2);
  expect(textsOf(turns, 'caller')).toEqual([line, line]);
  const said = textsOf(turns, 'agent');
  expect(said.filter((text) => text === defaultGreeting)).toHaveLength(1);
  expect(said.slice(-2)).toEqual([defaultSystemMessages.afterBreak, answer]);
  expect(events.filter((type) => type === 'agent_lost' || type === 'redispatched')).toEqual([
    'agent_lost',
    'redispatched',
  ]);
  expect(isRunning(pid)).toBe(false);
};

describe('kill -9 of a call process mid-sentence', () => {
  test('a new agent is audible in 2.5 s, with the history, in one record', async (context) => {
    const killed = await midSentence();
    process.kill(killed.pid, 'SIGKILL');
    const killedAt = nowMs();
    const heardAt = await killed.caller.whenAgentSpeaks({ timeoutMs: 20_000, since: killedAt + lastFramesMs });
    expect.soft(measured(context, heardAt - killedAt)).toBeLessThan(2_500);
    await expectContinued(killed);
  });
});

describe('call process killed again within a minute', () => {
  test.runIf(isComplete)('not a third agent: the fallback, recorded as such', async () => {
    const killed = await midSentence();
    process.kill(killed.pid, 'SIGKILL');
    await killed.caller.whenAgentSpeaks({ timeoutMs: 20_000, since: nowMs() + lastFramesMs });
    process.kill(await processOf(service, killed.caller), 'SIGKILL');
    expect((await killed.caller.whenEnded()).reason).toBe('ROOM_DELETED');
    const { call } = await finalRecords(service, killed.caller.call.room);
    expect(call).toMatchObject({ status: 'completed', endReason: 'agent_lost', attempt: 2 });
    const events = await service.ctx.db.callEvent.findMany({ where: { callId: call.id, type: 'fallback' } });
    expect(events.map(({ data }) => data)).toEqual([{ reason: 'agent_lost', how: 'hang_up' }]);
    await expectNobody(service, killed.caller.call.room);
  });
});

describe('call process frozen (SIGSTOP)', () => {
  test.runIf(isComplete)('as if killed, in 8 s', async (context) => {
    const frozen = await midSentence();
    process.kill(frozen.pid, 'SIGSTOP');
    const frozenAt = nowMs();
    const heardAt = await frozen.caller.whenAgentSpeaks({ timeoutMs: 30_000, since: frozenAt + lastFramesMs });
    expect.soft(measured(context, heardAt - frozenAt)).toBeLessThan(8_000);
    await expectContinued(frozen);
  });
});

describe('two agents dispatched to one room', () => {
  test.runIf(isComplete)('one takes the call, the other leaves silently', async () => {
    const caller = await phone();
    await service.ctx.livekit.dispatch(caller.call.room, service.agentName, '');
    await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: caller.dialedAt });
    await caller.whenAgentQuiet({ quietMs: 4_000, timeoutMs: 30_000 });
    const members = (await service.ctx.livekit.members(caller.call.room)) ?? [];
    expect(members.filter(({ kind }) => kind === 'agent')).toHaveLength(1);
    await ask(caller);
    const { call, turns, events } = await hangUp(service, caller);
    expect(call.attempt).toBe(1);
    expect(textsOf(turns, 'agent')).toEqual([defaultGreeting, answer]);
    expect(events.filter((type) => type === 'claimed')).toHaveLength(1);
  });
});

describe('dispatch lost, no worker', () => {
  test('tried again after 3 s, once', async (context) => {
    const { caller, pickUpMs } = await greeted(() => service.phone());
    expect.soft(measured(context, pickUpMs, 'until heard')).toBeLessThan(5_000);
    const { call, events } = await hangUp(service, caller);
    expect(call.attempt).toBe(1);
    expect(events.filter((type) => type === 'redispatched')).toHaveLength(1);
  });
});

describe("caller's network vanishes", () => {
  /** A caller in a separate process, whose call was answered. */
  const elsewhere = async () => {
    await untilReady(service);
    const caller = await dialFromProcess({ ...service.dialing(), agentName: service.agentName });
    onTestFinished(() => caller[Symbol.asyncDispose]());
    await caller.whenActive(20_000);
    await untilRecorded(service, caller.call.room, ({ call }) => call.status === 'in_progress');
    return caller;
  };

  test.runIf(isComplete)('silent or dead: the call is ended in 25 s, as lost', async (context) => {
    const [silent, dead] = [await elsewhere(), await elsewhere()];
    silent.loseNetwork();
    process.kill(dead.pid, 'SIGKILL');
    const vanishedAt = nowMs();
    const endOf = async (room: string) => {
      await untilRecorded(service, room, ({ call }) => call.status === 'completed', 60_000);
      return nowMs() - vanishedAt;
    };
    const ends = await Promise.all([endOf(silent.call.room), endOf(dead.call.room)]);
    for (const ms of ends) expect.soft(measured(context, ms)).toBeLessThan(25_000);
    for (const { room } of [silent.call, dead.call]) {
      expect.soft((await finalRecords(service, room)).call.endReason).toBe('caller_lost');
      await expectNobody(service, room);
    }
  });
});
