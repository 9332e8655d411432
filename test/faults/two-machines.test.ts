/** Two machines on one PostgreSQL: whatever is lost, one of them takes the call, never both. */
import { eventName } from '#test/support/event-name.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { callWithRecords } from '#src/calls/store.ts';
import { openLivekit } from '#src/livekit/client.ts';
import { closeRtc, dial, nowMs, type Caller } from '#src/simulators/caller/caller.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { measured } from '#test/support/measured.ts';
import { survivorsOf } from '#test/support/npm.ts';
import { makeDatabase, startTestDatabases } from '#test/support/postgres.ts';
import { descendantsOf } from '#test/support/processes.ts';
import { callerNumber, dialed } from '#test/support/service.ts';
import {
  blockMainThread,
  inspectable,
  openInstallation,
  phoneTo,
  startNpm,
  type Installation,
  type Running,
} from './start.ts';
import { answerEverything, ask, greeted, isComplete, lastFramesMs, quiet, textsOf } from './talk.ts';

/** Longer than a lease (src/calls/agent-session/claim-call.ts). */
const stillMs = 20_000;
/** Longer than a starting service searches for orphaned calls (src/service.ts). */
const startUpMs = 31_000;

let installation: Installation;
let other: Installation;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  if (!isComplete) return;
  const databases = opened.use(await startTestDatabases());
  const { url } = opened.use(await makeDatabase('postgres', databases));
  installation = opened.use(await openInstallation(url));
  other = { ...installation, url: `http://127.0.0.1:${await freePort()}` };
  await answerEverything(installation.providers);
}, 300_000);
afterAll(async () => {
  await opened.disposeAsync();
  await closeRtc();
});

const startOther = (): Promise<Running> => startNpm(other, { PORT: new URL(other.url).port });

/** The only record of a call that ran in `attempts` agents, one after the other. */
const finalRecord = async ({ call: facts }: Caller, attempts: number) => {
  const isOpen = () => installation.db.callLog.count({ where: { openRoom: facts.room } });
  await expect.poll(isOpen, { timeout: 40_000, interval: 100 }).toBe(0);
  expect(await installation.db.callLog.count({ where: { roomName: facts.room } })).toBe(1);
  const records = await callWithRecords(installation.db, facts.room);
  if (records === null) throw new Error('the call has no record');
  expect(records.call).toMatchObject({ status: 'completed', endReason: 'caller_hangup', attempt: attempts });
  const events = await installation.db.callEvent.findMany({ where: { callId: records.call.id } });
  return { ...records, events: events.map(eventName) };
};

const timesOf = (events: readonly string[], type: string): number => events.filter((one) => one === type).length;

const agentsIn = async ({ call: facts }: Caller): Promise<number> => {
  const members = (await openLivekit(installation.livekit).members(facts.room)) ?? [];
  return members.filter(({ kind }) => kind === 'agent').length;
};

/** The second agent has the call, alone, and the call goes on to its end. */
const expectTakenOver = async (caller: Caller): Promise<void> => {
  expect(await agentsIn(caller)).toBe(1);
  await ask(caller);
  await caller.hangUp();
  const { events, turns } = await finalRecord(caller, 2);
  expect([timesOf(events, 'redispatched'), timesOf(events, 'claimed')]).toEqual([1, 2]);
  expect(textsOf(turns, 'agent').filter((text) => text === defaultSystemMessages.afterBreak)).toHaveLength(1);
};

/** Stops services, and checks that they leave no process behind. */
const stop = async (services: readonly Running[]): Promise<void> => {
  for (const { child } of services) child.kill('SIGTERM');
  for (const service of services) {
    expect(await service.exited, service.output()).toBe(0);
    expect(await survivorsOf(service)).toEqual([]);
  }
};

describe('two machines on one PostgreSQL', () => {
  test.runIf(isComplete)('dispatches lost: each call is given an agent by one of them', async () => {
    const services = [await startNpm(installation), await startOther()];
    const lost = async () => {
      const caller = await dial({ ...installation.livekit, from: callerNumber, to: dialed });
      onTestFinished(() => caller[Symbol.asyncDispose]());
      return caller;
    };
    const callers = await Promise.all([greeted(lost), greeted(lost), greeted(lost)]);
    await sleep(3_000); // a second look of either
    for (const { caller } of callers) {
      expect(await agentsIn(caller)).toBe(1);
      await caller.hangUp();
      const { events } = await finalRecord(caller, 1);
      expect([timesOf(events, 'redispatched'), timesOf(events, 'claimed')]).toEqual([1, 1]);
    }
    await stop(services);
  });

  test.runIf(isComplete)('one dies: the other takes each of its calls over, once', async (context) => {
    const first = await startOther();
    const callers = [await greeted(() => phoneTo(installation)), await greeted(() => phoneTo(installation))];
    const second = await startNpm(installation); // LiveKit's webhooks go there
    while (nowMs() < second.readyAt + startUpMs) for (const { caller } of callers) await ask(caller);
    process.kill(first.pid, 'SIGKILL');
    const killedAt = nowMs();
    for (const { caller } of callers) {
      const heardAt = await caller.whenAgentSpeaks({ timeoutMs: 40_000, since: killedAt + lastFramesMs });
      expect.soft(measured(context, heardAt - killedAt, 'until heard')).toBeLessThan(10_000);
      await quiet(caller);
    }
    await sleep(3_000);
    for (const { caller } of callers) await expectTakenOver(caller);
    expect(await survivorsOf(first)).toEqual([]);
    await stop([second]);
  });

  test.runIf(isComplete)('one vanishes without a word: the other takes its call over', async (context) => {
    const first = await startOther();
    const { caller } = await greeted(() => phoneTo(installation));
    const second = await startNpm(installation);
    for (const { pid } of descendantsOf(first.child.pid ?? -1)) process.kill(pid, 'SIGSTOP');
    const vanishedAt = nowMs();
    const heardAt = await caller.whenAgentSpeaks({ timeoutMs: 90_000, since: vanishedAt + lastFramesMs });
    expect.soft(measured(context, heardAt - vanishedAt, 'until heard')).toBeLessThan(40_000);
    await quiet(caller);
    await expectTakenOver(caller);
    await stop([second]);
  });

  test.runIf(isComplete)('one dies and comes back: of the two, one takes each call over', async () => {
    const first = await startNpm(installation);
    const callers = [await greeted(() => phoneTo(installation)), await greeted(() => phoneTo(installation))];
    const second = await startOther();
    process.kill(first.pid, 'SIGKILL');
    const killedAt = nowMs();
    await first.exited;
    const services = [second, await startNpm(installation)];
    for (const { caller } of callers) {
      await caller.whenAgentSpeaks({ timeoutMs: 40_000, since: killedAt + lastFramesMs });
      await quiet(caller);
    }
    await sleep(3_000);
    for (const { caller } of callers) await expectTakenOver(caller);
    await stop(services);
  });

  test.runIf(isComplete)('one stands still for longer than its lease: its calls stay with their agents', async () => {
    const port = await freePort();
    const first = await startNpm(installation, inspectable(port));
    const { caller } = await greeted(() => phoneTo(installation));
    const second = await startOther();
    await blockMainThread(first.pid, port, stillMs);
    const until = nowMs() + stillMs;
    while (nowMs() < until) {
      await ask(caller);
      expect(await agentsIn(caller)).toBe(1);
    }
    await ask(caller);
    await caller.hangUp();
    const { events } = await finalRecord(caller, 1);
    expect([timesOf(events, 'redispatched'), timesOf(events, 'claimed')]).toEqual([0, 1]);
    await stop([first, second]);
  });
});
