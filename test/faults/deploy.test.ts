/** A new version is put in place of the old one while callers keep coming. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig, requireCallConfig } from '#src/config.ts';
import { closeRtc } from '#src/local/caller.ts';
import { startService } from '#src/service.ts';
import { measured } from '#test/support/measured.ts';
import { openWorld, type World } from '#test/support/world.ts';
import { agentName, answerEverything, isComplete } from './talk.ts';

const calls = 8;
const everyMs = 2_000;
const env = { MAX_CALLS: '30', IDLE_PROCESSES: '2', CALLS_PER_CALLER_PER_MINUTE: '0', MIN_FREE_MEMORY_MB: '0' };

let world: World;
beforeAll(async () => {
  world = await openWorld({ env, campaign: { maxConcurrent: 30 } });
  await answerEverything(world.providers);
}, 300_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await closeRtc();
});

/** Phones, hears the greeting begin, and hangs up; how long the caller waited, in ms, or null who was never answered. */
const shortCall = async (): Promise<{ room: string; waitedMs: number | null }> => {
  const caller = await world.phone({ agentName });
  const { room } = caller.facts;
  const heardAt = await caller.whenAgentSpeaks({ timeoutMs: 25_000, since: caller.dialledAt }).catch(() => null);
  await sleep(300);
  await caller.hangUp();
  return { room, waitedMs: heardAt === null ? null : heardAt - caller.dialledAt };
};

/** Phones again and again, whatever happens meanwhile. */
const keepPhoning = async () => {
  const running: ReturnType<typeof shortCall>[] = [];
  for (let n = 0; n < calls; n++) {
    running.push(shortCall());
    await sleep(everyMs);
  }
  return Promise.all(running);
};

describe('deploy: a successor registers before the old process drains, a call every 2 s throughout', () => {
  test.runIf(isComplete)('every call is answered', async (context) => {
    const phoned = keepPhoning();
    await sleep(everyMs);
    const config = requireCallConfig(loadConfig({ ...world.env, PORT: '0' }));
    await using successor = await startService({ config, env: process.env });
    await successor.ready;
    await world.service.drain();
    await world.service[Symbol.asyncDispose]();
    const ended = await phoned;
    const { db } = successor.ctx;
    await expect.poll(() => db.callLog.count({ where: { openRoom: { not: null } } }), { timeout: 40_000 }).toBe(0);
    const records = await db.callLog.findMany({ include: { events: { orderBy: { seq: 'asc' } } } });
    const storyOf = (room: string) =>
      records
        .filter(({ roomName }) => roomName === room)
        .map(({ status, endReason, attempt, events }) => [
          status,
          endReason,
          attempt,
          ...events.map(({ type }) => type),
        ]);
    const unanswered = ended.filter(({ waitedMs }) => waitedMs === null);
    expect.soft(unanswered.map(({ room }) => storyOf(room))).toEqual([]);
    measured(context, Math.max(...ended.map(({ waitedMs }) => waitedMs ?? 0)), 'the longest wait');
    expect(records.map(({ roomName }) => roomName).toSorted()).toEqual(ended.map(({ room }) => room).toSorted());
    expect(records.map(({ status }) => status)).toEqual(records.map(() => 'completed'));
  });
});
