/** The database is locked, full or gone for a while: the call goes on, and its turns are written afterwards, in order. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, onTestFinished, test, type TestContext } from 'vitest';
import { defaultGreeting } from '#src/campaigns/campaign.ts';
import { databaseFile } from '#src/database/address.ts';
import { closeRtc, nowMs, type Caller } from '#src/simulators/caller/caller.ts';
import { measured } from '#test/support/measured.ts';
import { makeDatabase, startTestDatabases } from '#test/support/postgres.ts';
import { signature } from '#test/support/signed.ts';
import {
  callerNumber,
  dialed,
  finalRecords,
  startTestService,
  untilRecorded,
  type TestService,
} from '#test/support/service.ts';
import {
  answer,
  answerEverything,
  ask,
  greeted,
  limit,
  hangUp,
  isComplete,
  line,
  quiet,
  textsOf,
  untilReady,
} from './talk.ts';

const awayMs = 10_000;

afterAll(closeRtc);

/** A service on this database; closed when the test ends. */
const openOn = async (databaseUrl?: string): Promise<TestService> => {
  const given = databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl };
  const service = await startTestService({
    env: { ...given, CALLS_PER_CALLER_PER_MINUTE: '0', IDLE_PROCESSES: '2' },
    // While the test is busy with one caller, the other is not asked whether they are still there.
    campaign: { silenceAskMs: 60_000, silenceGoodbyeMs: 120_000 },
  });
  onTestFinished(() => service[Symbol.asyncDispose]());
  await answerEverything(service.providers);
  await untilReady(service);
  return service;
};

/** The service's status for a webhook about a new call. */
const askedAbout = async (service: TestService, callId: string): Promise<number> => {
  const body = JSON.stringify({ call_id: callId, from_number: callerNumber, to_number: dialed, room_name: callId });
  const url = `${service.url}/api/v1/webhooks/livekit/sip-inbound`;
  const headers = signature(body, service.livekit.apiSecret);
  return (await fetch(url, { method: 'POST', headers, body })).status;
};

const healthOf = async (service: TestService): Promise<{ failing: string[] }> => {
  const response = await fetch(`${service.url}/api/v1/webhooks/health`);
  return (await response.json()) as { failing: string[] };
};

type Outage = () => Promise<void> | void;

/** Without the database a new call can't be routed: the caller is asked to wait. */
const newcomer = async (context: TestContext, service: TestService): Promise<Caller> => {
  const { caller, pickUpMs } = await greeted(() => service.phone({ agentName: service.agentName }));
  expect.soft(measured(context, pickUpMs, 'until a new caller hears')).toBeLessThan(limit(5_000));
  return caller;
};

/** A caller who waited for the database is then greeted like any other. */
const expectGreetedAfterAll = async (service: TestService, caller: Caller): Promise<void> => {
  const isGreeted = ({ turns }: { turns: readonly unknown[] }) => turns.length > 0;
  await untilRecorded(service, caller.call.room, isGreeted);
  await quiet(caller);
  expect.soft(await ask(caller)).toBeLessThan(limit(5_000));
  await caller.hangUp();
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', endReason: 'caller_hangup', attempt: 1 });
  expect(turns.map(({ role, text }) => [role, text])).toEqual([
    ['agent', defaultGreeting],
    ['caller', line],
    ['agent', answer],
  ]);
};

/** A call during which the database is away for ten seconds. `begin` returns what ends the outage. */
const callThrough = async (
  context: TestContext,
  service: TestService,
  begin: () => Promise<Outage> | Outage,
): Promise<void> => {
  const { caller } = await greeted(() => service.phone({ agentName: service.agentName }));
  await untilReady(service, 2);
  const end = await begin();
  const since = nowMs();
  const webhook = askedAbout(service, 'SIP-meanwhile');
  // Nothing that is heard waits for the database.
  expect.soft(measured(context, await ask(caller), 'until the reply')).toBeLessThan(limit(5_000));
  expect.soft(await webhook).toBe(503);
  expect.soft((await healthOf(service)).failing).toContain('database');
  const [patient, impatient] = await Promise.all([newcomer(context, service), newcomer(context, service)]);
  await impatient.hangUp();
  await sleep(Math.max(0, since + awayMs - nowMs()));
  await end();
  expect.soft(await ask(caller)).toBeLessThan(limit(5_000));
  expect((await healthOf(service)).failing).toEqual([]);
  await expectGreetedAfterAll(service, patient);
  expect(await finalRecords(service, impatient.call.room)).toMatchObject({ call: { answeredAt: null }, turns: [] });
  const { turns } = await hangUp(service, caller);
  expect(turns.map(({ role, text }) => [role, text])).toEqual([
    ['agent', defaultGreeting],
    ['caller', line],
    ['agent', answer],
    ['caller', line],
    ['agent', answer],
  ]);
  expect(textsOf(turns, 'caller')).toHaveLength(2);
  // LiveKit repeats the webhook, which is accepted now.
  expect(await askedAbout(service, 'SIP-meanwhile')).toBe(200);
};

describe('database locked 10 s', () => {
  test('the call goes on, its turns are written afterwards', async (context) => {
    const service = await openOn();
    await callThrough(context, service, () => {
      const other = new Database(databaseFile(service.env.DATABASE_URL ?? ''));
      other.exec('BEGIN EXCLUSIVE');
      return () => {
        other.exec('ROLLBACK');
        other.close();
      };
    });
  });
});

/** A small disk, or null when the user may not mount one. */
const smallDisk = async (megabytes: number): Promise<string | null> => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-disk-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder];
  if (spawnSync('mount', options).status !== 0) return null;
  onTestFinished(() => void spawnSync('umount', ['-l', folder]));
  return folder;
};

/** Writes until nothing more fits. */
const fill = async (file: string): Promise<void> => {
  for (const bytes of [1_000_000, 4_096])
    for (;;) {
      try {
        await writeFile(file, Buffer.alloc(bytes), { flag: 'a' });
      } catch {
        break; // full
      }
    }
};

describe('disk full', () => {
  test.runIf(isComplete)('the call goes on, its turns are written afterwards', async (context) => {
    const folder = await smallDisk(16);
    if (folder === null) return context.skip('nobody but root can mount a small disk');
    const service = await openOn(`file:${join(folder, 'full.db')}`);
    await callThrough(context, service, async () => {
      await fill(join(folder, 'filler'));
      return () => rm(join(folder, 'filler'));
    });
  });
});

/** A proxy in front of a server. While it is shut, all connections are closed and new ones refused. */
const openDoor = async (to: number) => {
  const through = new Set<Socket>();
  let isShut = false;
  const server = createServer((from) => {
    if (isShut) return void from.destroy();
    const onward = connect(to, '127.0.0.1');
    for (const [one, other] of [
      [from, onward],
      [onward, from],
    ] as const) {
      through.add(one);
      one
        .on('error', () => other.destroy())
        .on('close', () => {
          through.delete(one);
          other.destroy();
        });
      one.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const shut = () => {
    isShut = true;
    for (const socket of through) socket.destroy();
  };
  const open = () => void (isShut = false);
  onTestFinished(() => {
    shut();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, shut, open };
};

describe('PostgreSQL gone and back', () => {
  test.runIf(isComplete)(
    'the call goes on, its turns are written afterwards',
    { timeout: 300_000 },
    async (context) => {
      const databases = await startTestDatabases();
      onTestFinished(() => databases[Symbol.asyncDispose]());
      const database = await makeDatabase('postgres', databases);
      onTestFinished(() => database[Symbol.asyncDispose]());
      const url = new URL(database.url);
      const door = await openDoor(Number(url.port));
      url.port = String(door.port);
      const service = await openOn(url.href);
      await callThrough(context, service, () => {
        door.shut();
        return door.open;
      });
    },
  );
});
