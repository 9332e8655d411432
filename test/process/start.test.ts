/** `npm start` as an operator runs it: as a process, with real signals. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openDb } from '#src/database/open.ts';
import { closeRtc, dial } from '#src/simulators/caller/caller.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { startDevStack, type Env, type DevStack } from '#src/local/dev-stack.ts';
import { npm, survivorsOf, type Started } from '#test/support/npm.ts';
import { descendantsOf } from '#test/support/processes.ts';
import { seedTenant } from '#test/support/context.ts';

const bare: Env = { PATH: process.env.PATH, HOME: process.env.HOME };

let around: DevStack;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'telephony-agent-process-'));
  around = await startDevStack({
    env: { ...bare, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME },
    port: await freePort(),
    databaseUrl: `file:${join(folder, 'process.db')}`,
    progress: () => undefined,
  });
  await using db = await openDb(`file:${join(folder, 'process.db')}`);
  await seedTenant(db, { campaign: { agentName: 'telephony-agent' } });
}, 300_000);
afterAll(async () => {
  await around[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
  await closeRtc();
});

const startService = async (): Promise<Started> => {
  const started = npm(['start'], { ...around.env, IDLE_PROCESSES: '1', LOCAL_MODE: undefined });
  const health = `http://127.0.0.1:${around.env.PORT ?? ''}/api/v1/webhooks/health`;
  const ready = () =>
    fetch(health).then(
      async (response) => ((await response.json()) as { ready_processes: number }).ready_processes,
      () => 0,
    );
  await expect.poll(ready, { timeout: 60_000, interval: 200, message: started.output() }).toBeGreaterThan(0);
  return started;
};

const phone = async () => {
  const caller = await dial({
    ...around.livekit,
    from: '+15551234567',
    to: '+18588796658',
    agentName: 'telephony-agent',
  });
  onTestFinished(() => caller[Symbol.asyncDispose]());
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: caller.dialedAt });
  return caller;
};

test('npm start without a configuration says precisely what is missing, and starts nothing', async () => {
  const { exited, output } = npm(['start'], bare);
  expect(await exited).toBe(1);
  for (const name of ['LIVEKIT_URL', 'LIVEKIT_API_KEY', 'LIVEKIT_API_SECRET', 'DEEPGRAM_API_KEY', 'OPENAI_API_KEY'])
    expect(output()).toContain(`${name} is missing`);
  expect(output()).not.toContain('    at ');
});

test("SIGTERM to npm's own process during a call: the call finishes, exit 0, nothing is left", async () => {
  const service = await startService();
  const { child, exited, output } = service;
  const caller = await phone();
  expect(service.family().length).toBeGreaterThanOrEqual(2);
  child.kill('SIGTERM');
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  const { lastSampleAt } = await caller.say('What are your opening hours this week?');
  // The conversation goes on as if nothing had happened.
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: lastSampleAt });
  const health = await fetch(`http://127.0.0.1:${around.env.PORT ?? ''}/api/v1/webhooks/health`);
  expect([health.status, await health.json()]).toMatchObject([503, { worker: 'draining' }]);
  await caller.hangUp();
  expect(await exited, output()).toBe(0);
  expect(await survivorsOf(service)).toEqual([]);
  await using db = await openDb(around.env.DATABASE_URL ?? '');
  const call = await db.callLog.findFirstOrThrow({ where: { roomName: caller.call.room } });
  expect(call).toMatchObject({ status: 'completed', endReason: 'caller_hangup', openRoom: null });
});

test('a second SIGTERM hurries: the running call is ended, its record final, exit 0', async () => {
  const { child, exited, output } = await startService();
  const caller = await phone();
  child.kill('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.kill('SIGTERM');
  expect(await exited, output()).toBe(0);
  await using db = await openDb(around.env.DATABASE_URL ?? '');
  const call = await db.callLog.findFirstOrThrow({ where: { roomName: caller.call.room } });
  expect(call).toMatchObject({ status: 'completed', openRoom: null });
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
});

test('call processes know nothing of our environment but the link', async () => {
  const { child, exited } = await startService();
  const callProcesses = descendantsOf(child.pid ?? -1).filter(({ command }) => command.includes('job_proc'));
  expect(callProcesses.length).toBeGreaterThan(0);
  for (const { pid } of callProcesses) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    const names = environment
      .split('\0')
      .flatMap((entry) => (entry === '' ? [] : [entry.slice(0, entry.indexOf('='))]));
    expect(names.toSorted()).toEqual(expect.arrayContaining(['NODE_ENV', 'TELEPHONY_LINK']));
    for (const secret of ['LIVEKIT_API_SECRET', 'DATABASE_URL', 'OPENAI_API_KEY', 'DEEPGRAM_API_KEY'])
      expect(names).not.toContain(secret);
  }
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
});

test('SIGTERM while it starts, at any moment: gone soon, exit 0 or by the signal, nothing is left', async () => {
  for (const afterMs of [700, 1_300, 1_800, 2_300, 3_000, 4_000]) {
    const service = npm(['start'], { ...around.env, IDLE_PROCESSES: '1', LOCAL_MODE: undefined });
    await sleep(afterMs);
    service.family();
    service.child.kill('SIGTERM');
    const outcome = await Promise.race([service.exited, sleep(20_000, 'still there' as const)]);
    expect([0, null, 143], `SIGTERM after ${afterMs} ms: ${service.output()}`).toContain(outcome);
    expect(await survivorsOf(service)).toEqual([]);
  }
});

test('a port that is taken: one sentence, exit 1, nothing is left', async () => {
  const taken = createServer();
  taken.listen(Number(around.env.PORT), '127.0.0.1');
  await once(taken, 'listening');
  const service = npm(['start'], { ...around.env, LOCAL_MODE: undefined });
  expect(await service.exited, service.output()).toBe(1);
  expect(service.output()).toContain(`Cannot listen on 127.0.0.1:${around.env.PORT ?? ''}: the port is in use.`);
  expect(service.output()).not.toContain('    at ');
  expect(await survivorsOf(service)).toEqual([]);
  taken.close();
});

test('a LiveKit server that is not there: the service stays up and says so; SIGTERM ends it', async () => {
  const nobody = `ws://127.0.0.1:${await freePort()}`;
  const service = npm(['start'], { ...around.env, LOCAL_MODE: undefined, LIVEKIT_URL: nobody });
  const health = `http://127.0.0.1:${around.env.PORT ?? ''}/api/v1/webhooks/health`;
  const state = () =>
    fetch(health).then(
      async (response) => ({ status: response.status, body: (await response.json()) as object }),
      () => null,
    );
  await expect
    .poll(state, { timeout: 30_000 })
    .toMatchObject({ status: 503, body: { failing: ['worker', 'livekit'] } });
  await sleep(3_000);
  service.family();
  service.child.kill('SIGTERM');
  expect(await service.exited, service.output()).toBe(0);
  expect(await survivorsOf(service)).toEqual([]);
});
