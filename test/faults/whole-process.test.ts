/** Calls when the whole process dies, is told to stop, or is blocked. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { callWithRecords } from '#src/calls/store.ts';
import { closeRtc, nowMs, type Caller } from '#src/simulators/caller/caller.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { measured } from '#test/support/measured.ts';
import { survivorsOf } from '#test/support/npm.ts';
import { signature } from '#test/support/signed.ts';
import { callerNumber, dialed } from '#test/support/service.ts';
import { answerEverything, ask, greeted, limit, isComplete, lastFramesMs, line, quiet, textsOf } from './talk.ts';
import {
  blockMainThread,
  inspectable,
  openInstallation,
  phoneTo,
  startNpm,
  type Installation,
  type Running,
} from './start.ts';

let installation: Installation;
beforeAll(async () => {
  installation = await openInstallation();
  await answerEverything(installation.providers);
}, 300_000);
afterAll(async () => {
  await installation[Symbol.asyncDispose]();
  await closeRtc();
});

const phone = () => phoneTo(installation);

/** Waits until the only record of a room is final; returns it, and the time. */
const finalRecord = async (roomName: string, timeoutMs: number) => {
  const isOpen = () => installation.db.callLog.count({ where: { openRoom: roomName } });
  await expect.poll(isOpen, { timeout: timeoutMs, interval: 100 }).toBe(0);
  const at = nowMs();
  expect(await installation.db.callLog.count({ where: { roomName } })).toBe(1);
  const records = await callWithRecords(installation.db, roomName);
  if (records === null) throw new Error('the call has no record');
  return { ...records, at };
};

describe('kill -9 of the whole process', () => {
  test('after a restart a waiting caller hears an agent in 5 s, and stale records are final in 30 s', async (context) => {
    const first = await startNpm(installation);
    const { caller: patient } = await greeted(phone);
    const { caller: impatient } = await greeted(phone);
    process.kill(first.pid, 'SIGKILL');
    const killedAt = nowMs();
    await first.exited;
    await impatient.hangUp();
    const second = await startNpm(installation);
    const heardAt = await patient.whenAgentSpeaks({ timeoutMs: 40_000, since: killedAt + lastFramesMs });
    expect.soft(measured(context, heardAt - second.readyAt, 'until heard')).toBeLessThan(limit(5_000));
    await quiet(patient);
    await ask(patient);
    const stale = await finalRecord(impatient.call.room, 60_000);
    expect.soft(measured(context, stale.at - second.readyAt, 'until final')).toBeLessThan(limit(30_000));
    await patient.hangUp();
    const { call, turns } = await finalRecord(patient.call.room, 30_000);
    expect(call).toMatchObject({ status: 'completed', endReason: 'caller_hangup', attempt: 2 });
    expect(textsOf(turns, 'agent')).toContain(defaultSystemMessages.afterBreak);
    second.child.kill('SIGTERM');
    expect(await second.exited, second.output()).toBe(0);
    expect(await survivorsOf(first)).toEqual([]);
    expect(await survivorsOf(second)).toEqual([]);
  });
});

describe('SIGTERM during calls', () => {
  test.runIf(isComplete)('no new calls, the running one goes on; a second SIGTERM hurries', async (context) => {
    const service = await startNpm(installation);
    const { caller } = await greeted(phone);
    service.child.kill('SIGTERM');
    await sleep(500);
    const late = await phone();
    await ask(caller);
    expect(late.firstHeardAt()).toBeNull();
    service.child.kill('SIGTERM');
    const hurriedAt = nowMs();
    expect(await service.exited, service.output()).toBe(0);
    expect(measured(context, nowMs() - hurriedAt, 'until gone')).toBeLessThan(limit(10_000));
    const { call } = await finalRecord(caller.call.room, 1_000);
    expect(call).toMatchObject({ status: 'completed', endReason: 'ended_by_service' });
    expect(await survivorsOf(service)).toEqual([]);
    await late.hangUp();
  });
});

describe('main thread blocked 2 s and 20 s; CPU saturated', () => {
  /** All callers hang up; each has one record, with what they said. */
  const endWell = async (service: Running, lines: ReadonlyMap<Caller, string[]>): Promise<void> => {
    for (const caller of lines.keys()) await caller.hangUp();
    for (const [caller, said] of lines) {
      const { call, turns } = await finalRecord(caller.call.room, 30_000);
      expect(call).toMatchObject({ status: 'completed', endReason: 'caller_hangup', attempt: 1 });
      expect(textsOf(turns, 'caller')).toEqual(said);
    }
    service.child.kill('SIGTERM');
    expect(await service.exited, service.output()).toBe(0);
    expect(await survivorsOf(service)).toEqual([]);
  };

  test.runIf(isComplete).for([2_000, 20_000])(
    '%i ms: the running call survives, the next is answered',
    async (blockedMs, context) => {
      const port = await freePort();
      const service = await startNpm(installation, inspectable(port));
      const { caller } = await greeted(phone);
      await blockMainThread(service.pid, port, blockedMs);
      const blockedAt = nowMs();
      await expect(fetch(`${installation.url}/livez`, { signal: AbortSignal.timeout(500) })).rejects.toThrow();
      const asked = askAboutACall();
      // The call doesn't need the main thread.
      expect(measured(context, await ask(caller), 'until the reply')).toBeLessThan(limit(5_000));
      await sleep(Math.max(0, blockedAt + blockedMs - nowMs()));
      // A call that is offered while the thread is blocked for long is refused, so that the carrier tries elsewhere.
      if (blockedMs > 10_000) expect(await asked).toBe(429);
      expect(await ask(caller)).toBeLessThan(limit(5_000));
      const { caller: next } = await greeted(phone);
      await ask(next);
      await endWell(
        service,
        new Map([
          [caller, [line, line]],
          [next, [line]],
        ]),
      );
    },
  );

  test.runIf(isComplete)('no core is free: the running call goes on, the next is answered', async (context) => {
    const service = await startNpm(installation);
    const { caller } = await greeted(phone);
    using _others = burnCores();
    await sleep(2_000);
    expect(measured(context, await ask(caller), 'until the reply')).toBeLessThan(limit(5_000));
    const { caller: next, pickUpMs } = await greeted(phone);
    measured(context, pickUpMs, 'until the next is answered');
    expect(await ask(next)).toBeLessThan(limit(5_000));
    await endWell(
      service,
      new Map([
        [caller, [line]],
        [next, [line]],
      ]),
    );
  });
});

/** The service's status for a webhook about a new call. */
const askAboutACall = async (): Promise<number> => {
  const callId = `SIP-${nowMs()}`;
  const body = JSON.stringify({ call_id: callId, from_number: callerNumber, to_number: dialed, room_name: callId });
  const headers = signature(body, installation.livekit.apiSecret);
  const url = `${installation.url}/api/v1/webhooks/livekit/sip-inbound`;
  return (await fetch(url, { method: 'POST', headers, body })).status;
};

/** Other programs that keep every core busy; they end after two minutes, whatever happens to the test. */
const burnCores = (): Disposable => {
  const loop = 'for (const end = Date.now() + 120_000; Date.now() < end; );';
  const burn = () => spawn(process.execPath, ['-e', loop], { stdio: 'ignore' });
  const others = Array.from({ length: availableParallelism() }, burn);
  const end = () => others.forEach((other) => other.kill('SIGKILL'));
  onTestFinished(end);
  return { [Symbol.dispose]: end };
};
