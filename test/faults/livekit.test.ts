/** LiveKit goes away and comes back: the service waits for it, however long, and answers the next call. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { closeRtc, nowMs } from '#src/simulators/caller/caller.ts';
import { measured } from '#test/support/measured.ts';
import { survivorsOf } from '#test/support/npm.ts';
import { descendantsOf } from '#test/support/processes.ts';
import { openInstallation, phoneTo, startNpm, type Installation, type Running } from './start.ts';
import { answerEverything, ask, greeted, limit, isComplete, isRunning } from './talk.ts';

let installation: Installation;
beforeAll(async () => {
  installation = await openInstallation();
  await answerEverything(installation.providers);
}, 300_000);
/** The LiveKit servers that replaced the first one. */
const started: ChildProcess[] = [];
afterAll(async () => {
  for (const server of started) {
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  }
  await installation[Symbol.asyncDispose]();
  await closeRtc();
});

/** Kills the LiveKit server. Returns a function that starts it again and waits until it answers. */
const killLivekit = async (): Promise<() => Promise<void>> => {
  const server = descendantsOf(process.pid).find(({ command }) => command.includes('livekit-server'));
  if (server === undefined) throw new Error('there is no LiveKit server');
  const binary = await readlink(`/proc/${server.pid}/exe`);
  const entries = (await readFile(`/proc/${server.pid}/environ`, 'utf8')).split('\0');
  const config = entries.find((entry) => entry.startsWith('LIVEKIT_CONFIG='));
  process.kill(server.pid, 'SIGKILL');
  while (descendantsOf(process.pid).some(({ pid }) => pid === server.pid)) await sleep(10);
  return async () => {
    const again = spawn(binary, [], {
      env: { LIVEKIT_CONFIG: config?.slice('LIVEKIT_CONFIG='.length) },
      stdio: 'ignore',
    });
    started.push(again);
    const httpUrl = installation.livekit.url.replace(/^ws/, 'http');
    await expect
      .poll(
        () =>
          fetch(httpUrl).then(
            ({ ok }) => ok,
            () => false,
          ),
        { timeout: 20_000, interval: 20 },
      )
      .toBe(true);
  };
};

/** Waits until the only record of a room is final, with this end reason. */
const expectFinal = async (roomName: string, endReason: string): Promise<void> => {
  const isOpen = () => installation.db.callLog.count({ where: { openRoom: roomName } });
  await expect.poll(isOpen, { timeout: 90_000, interval: 100 }).toBe(0);
  const records = await installation.db.callLog.findMany({ where: { roomName } });
  expect(records).toMatchObject([{ status: 'completed', endReason }]);
};

const registrations = ({ output }: Running): number => output().split('worker registered').length - 1;

describe.skipIf(process.platform !== 'linux')('LiveKit server restarts; or is away for 3 minutes', () => {
  const away = async (context: TestContext, awayMs: number) => {
    const service = await startNpm(installation, { LOG_LEVEL: 'info' });
    const { caller } = await greeted(() => phoneTo(installation));
    expect(registrations(service)).toBe(1);
    const bringBack = await killLivekit();
    await sleep(awayMs);
    await bringBack();
    const backAt = nowMs();
    await expect.poll(() => registrations(service), { timeout: 40_000, interval: 20 }).toBe(2);
    expect.soft(measured(context, nowMs() - backAt)).toBeLessThan(limit(8_000));
    expect(isRunning(service.pid)).toBe(true);
    const { caller: next } = await greeted(() => phoneTo(installation));
    await ask(next);
    await next.hangUp();
    await expectFinal(caller.call.room, 'caller_lost');
    await expectFinal(next.call.room, 'caller_hangup');
    service.child.kill('SIGTERM');
    expect(await service.exited, service.output()).toBe(0);
    expect(await survivorsOf(service)).toEqual([]);
  };

  test('away for a second: registered again in 8 s, the next call is answered', (context) => away(context, 1_000));
  test.runIf(isComplete)('away for 3 minutes: the same', { timeout: 400_000 }, (context) => away(context, 180_000));
});
