/** A new version replaces the old one while callers keep coming. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { measured } from '#test/support/measured.ts';
import { survivorsOf } from '#test/support/npm.ts';
import { openInstallation, phoneTo, startNpm, type Installation } from './start.ts';
import { answerEverything, isComplete } from './talk.ts';

const everyMs = 2_000;
const env = { MAX_CALLS: '30', IDLE_PROCESSES: '2', MIN_FREE_MEMORY_MB: '0' };

let installation: Installation;
beforeAll(async () => {
  installation = await openInstallation();
  await answerEverything(installation.providers);
}, 300_000);
afterAll(async () => {
  await installation[Symbol.asyncDispose]();
  await closeRtc();
});

/** Calls, waits for the greeting, and hangs up. `waitedMs` is null when the call was never answered. */
const shortCall = async (): Promise<{ room: string; waitedMs: number | null }> => {
  const caller = await phoneTo(installation);
  const { room } = caller.call;
  const heardAt = await caller.whenAgentSpeaks({ timeoutMs: 40_000, since: caller.dialedAt }).catch(() => null);
  await sleep(300);
  await caller.hangUp();
  return { room, waitedMs: heardAt === null ? null : heardAt - caller.dialedAt };
};

/** Places calls until `signal` aborts. */
const keepPhoning = async (signal: AbortSignal) => {
  const running: ReturnType<typeof shortCall>[] = [];
  while (!signal.aborted) {
    running.push(shortCall());
    await sleep(everyMs);
  }
  return Promise.all(running);
};

/** The events of the call in a room. */
const eventsOf = async (roomName: string): Promise<string[]> => {
  const events = await installation.db.callEvent.findMany({ where: { call: { roomName } }, orderBy: { seq: 'asc' } });
  return events.map(({ type }) => type);
};

describe('deploy: a successor registers before the old process drains, a call every 2 s throughout', () => {
  test.runIf(isComplete)('every call is answered', async (context) => {
    const port = await freePort();
    const old = await startNpm(installation, env);
    const enough = new AbortController();
    const phoned = keepPhoning(enough.signal);
    await sleep(everyMs);
    const successor = await startNpm(
      { ...installation, url: `http://127.0.0.1:${port}` },
      { ...env, PORT: String(port) },
    );
    old.child.kill('SIGTERM');
    expect(await old.exited, old.output()).toBe(0);
    await sleep(2 * everyMs);
    enough.abort();
    const ended = await phoned;
    const isOpen = () => installation.db.callLog.count({ where: { openRoom: { not: null } } });
    await expect.poll(isOpen, { timeout: 40_000 }).toBe(0);
    for (const { room, waitedMs } of ended) expect.soft(waitedMs, (await eventsOf(room)).join(' ')).not.toBeNull();
    // A call every 2 s and the start of a service together are more than two cores do at once.
    const longestMs = Math.max(...ended.map(({ waitedMs }) => waitedMs ?? 0));
    expect.soft(measured(context, longestMs, 'the longest wait')).toBeLessThan(10_000);
    const records = await installation.db.callLog.findMany();
    expect(records.map(({ roomName }) => roomName).toSorted()).toEqual(ended.map(({ room }) => room).toSorted());
    expect(records.map(({ status }) => status)).toEqual(records.map(() => 'completed'));
    successor.child.kill('SIGTERM');
    expect(await successor.exited, successor.output()).toBe(0);
    for (const service of [old, successor]) expect(await survivorsOf(service)).toEqual([]);
  });
});
