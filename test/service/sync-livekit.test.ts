/** `sync:livekit` against a real LiveKit server with Redis; siproute reports how LiveKit would route calls. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SipClient } from 'livekit-server-sdk';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { command } from '#src/cli/sync-livekit.ts';
import { openDb } from '#src/database/open.ts';
import { describeError } from '#src/errors.ts';
import { obtainLivekitServer, startLivekitServer } from '#src/local/livekit/server.ts';
import { createDatabase, describeBothDatabases, useTestDatabases } from '#test/support/database.ts';
import { seedTenant } from '#test/support/context.ts';
import { obtainRedis, startRedis } from '#test/support/redis.ts';
import { obtainSipRoute, sipRoute } from '#test/support/sip-route.ts';

const number = '+18588796658';
const from = '+15551234567';
const main = join(import.meta.dirname, '../../src/cli/main.ts');

const progress = (line: string): void => console.log(line);
beforeAll(async () => {
  await obtainRedis(progress);
  await obtainSipRoute(progress);
}, 600_000);

/** A LiveKit project for one test. */
const openProject = async (options = { redis: true }) => {
  const stack = new AsyncDisposableStack();
  onTestFinished(() => stack.disposeAsync());
  const binary = await obtainLivekitServer({ env: process.env, progress: () => undefined });
  const redis = options.redis ? stack.use(await startRedis()) : null;
  const server = stack.use(await startLivekitServer({ binary, ...(redis === null ? {} : { redisUrl: redis.url }) }));
  const { url, apiKey, apiSecret } = server;
  return {
    sip: new SipClient(url, apiKey, apiSecret),
    env: { LIVEKIT_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret },
    /** How LiveKit would route a call. */
    call: (to: string, source?: string) =>
      sipRoute({ redisAddress: redis?.address ?? '', apiKey, apiSecret }, { from, to, ...(source && { source }) }),
  };
};

type Project = Awaited<ReturnType<typeof openProject>>;

type Result = Readonly<{ code: number; stdout: string; stderr: string }>;
type Run = (args: string[], more?: Record<string, string>) => Promise<Result>;

/** The command as typed, in an empty folder. */
const openCommand = async (env: Record<string, string>): Promise<Run> => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-cli-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return (args, more = {}) =>
    new Promise((resolve) => {
      const options = { cwd: folder, env: { PATH: process.env['PATH'], ...env, ...more } };
      execFile(process.execPath, [main, 'sync:livekit', ...args], options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
};

/** The same within this process, since a new process takes a second or two. */
const inProcess =
  (env: Record<string, string>): Run =>
  async (args, more = {}) => {
    const said = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    try {
      const code = await command.run(args, { ...env, ...more });
      return { code, stdout: said.mock.calls.map(([line]) => `${line}\n`).join(''), stderr: '' };
    } catch (error) {
      return { code: 1, stdout: '', stderr: describeError(error) };
    } finally {
      said.mockRestore();
    }
  };

const outcomeSchema = z.object({
  trunk: z.object({ action: z.string(), id: z.string().nullable() }),
  rule: z.object({ action: z.string(), id: z.string().nullable() }),
  conflicts: z.array(z.object({ code: z.string(), id: z.string().nullable(), message: z.string() })),
  applied: z.boolean(),
  trunkId: z.string().nullable(),
  ruleId: z.string().nullable(),
});
const outcomeOf = ({ stdout }: { stdout: string }) => outcomeSchema.parse(JSON.parse(stdout));

describeBothDatabases('sync:livekit', (_, { kind, databases }) => {
  test('plans, applies, and has nothing to do the second time', async () => {
    const project = await openProject();
    const databaseUrl = await createDatabase(kind, databases());
    await using db = await openDb(databaseUrl);
    await seedTenant(db, { number });
    const env = { ...project.env, DATABASE_URL: databaseUrl };
    const [start, run] = [await openCommand(env), inProcess(env)];

    const planned = await start([]);
    expect(planned).toMatchObject({ code: 2, stderr: '' });
    expect(planned.stdout).toContain(`create    trunk  "telephony-agent inbound"\n            numbers: ${number}\n`);
    expect(planned.stdout).toContain('agents: telephony-agent\n');
    expect(await project.sip.listSipInboundTrunk()).toEqual([]);
    expect((await project.call(number)).result).toBe('DROP');

    const applied = outcomeOf(await start(['--yes', '--json']));
    expect(applied).toMatchObject({ applied: true, conflicts: [], trunkId: expect.stringMatching(/^ST_/) as string });
    const { trunkId, ruleId } = applied;
    expect(await project.call(number)).toMatchObject({
      result: 'ACCEPT',
      trunkId,
      ruleId,
      room: expect.stringMatching(/^sip-room-/) as string,
      attributes: { 'sip.trunkPhoneNumber': number, 'sip.phoneNumber': from, 'sip.trunkID': trunkId },
    });
    expect((await project.call('+15550009999')).result).toBe('DROP');
    expect(await db.phoneNumber.findUniqueOrThrow({ where: { number } })).toMatchObject({ livekitTrunkId: trunkId });

    const again = await run(['--yes']);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('Nothing to do');
    expect(again.stdout).toContain(`LIVEKIT_INBOUND_TRUNK_ID=${trunkId}`);
    const known = await run([], { LIVEKIT_INBOUND_TRUNK_ID: trunkId ?? '' });
    expect(known.code).toBe(0);
    expect(known.stdout).not.toContain('LIVEKIT_INBOUND_TRUNK_ID');
    expect([
      (await project.sip.listSipInboundTrunk()).length,
      (await project.sip.listSipDispatchRule()).length,
    ]).toEqual([1, 1]);

    const { tenantId } = await db.phoneNumber.update({ where: { number }, data: { isActive: false } });
    await db.phoneNumber.create({ data: { number: '+15550002222', tenantId } });
    expect((await run([])).stdout).toContain(`numbers: ${number} → +15550002222`);
    expect(outcomeOf(await run(['--yes', '--json']))).toMatchObject({ trunk: { action: 'update', id: trunkId } });
    expect((await project.call(number)).result).toBe('DROP');
    expect(await project.call('+15550002222')).toMatchObject({ result: 'ACCEPT', trunkId, ruleId });
    expect(await db.phoneNumber.findUniqueOrThrow({ where: { number } })).toMatchObject({ livekitTrunkId: null });
    expect((await run([])).code).toBe(0);
  });
});

describe('sync:livekit beside others', () => {
  const databases = useTestDatabases();

  const openInstallation = async (project: Project, numbers: string[] = [number]) => {
    const databaseUrl = await createDatabase('sqlite', databases());
    await using db = await openDb(databaseUrl);
    for (const one of numbers) await seedTenant(db, { number: one });
    return inProcess({ ...project.env, DATABASE_URL: databaseUrl });
  };

  test('accepts calls only from the allowed addresses', async () => {
    const project = await openProject();
    const run = await openInstallation(project);
    expect((await run(['--yes', '--allow', 'twilio'])).code).toBe(0);
    expect((await project.call(number, '54.172.60.1')).result).toBe('ACCEPT');
    expect((await project.call(number, '203.0.113.9')).result).toBe('DROP');
    expect((await run(['--yes'])).stdout).toContain('Nothing to do');
    expect((await run(['--yes', '--allow', '203.0.113.9'])).code).toBe(0);
    expect((await project.call(number, '54.172.60.1')).result).toBe('DROP');
    expect((await run(['--yes', '--allow', 'any'])).code).toBe(0);
    expect((await project.call(number, '54.172.60.1')).result).toBe('ACCEPT');
    for (const wrong of ['twilo', '1.2.3.4/33', '1.2.3', '10.0.0.0/8;'])
      expect(await run(['--allow', wrong])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(wrong) as string,
      });
  });

  test('a foreign trunk with our number and a direct rule: reported, untouched, then adopted', async () => {
    const project = await openProject();
    const run = await openInstallation(project);
    const { sipTrunkId } = await project.sip.createSipInboundTrunk('Sales', [number, '+15559990000'], {
      authUsername: 'sales',
      authPassword: 'kept',
    });
    const { sipDispatchRuleId } = await project.sip.createSipDispatchRule(
      { type: 'direct', roomName: 'lobby' },
      { name: 'Lobby', trunkIds: [sipTrunkId] },
    );
    const conflict = await run(['--yes', '--adopt', '--json']);
    expect(conflict.code).toBe(1);
    expect(outcomeOf(conflict)).toMatchObject({
      applied: false,
      conflicts: [{ code: 'number_taken', id: sipTrunkId }],
    });
    expect(await project.sip.listSipInboundTrunk()).toHaveLength(1);

    const env = { LIVEKIT_INBOUND_TRUNK_ID: sipTrunkId };
    const shown = await run(['--yes'], env);
    expect(shown.code).toBe(1);
    expect(shown.stdout).toContain(`adopt     trunk  ${sipTrunkId} "Sales"`);
    expect(shown.stdout).toContain('numbers: removes +15559990000');
    expect(shown.stdout).toContain('kind: direct → individual');
    expect(shown.stdout).toContain('conflict  trunk_foreign');
    expect((await project.call(number)).room).toBe('lobby');

    expect((await run(['--adopt'], env)).code).toBe(2);
    expect((await run(['--adopt', '--yes'], env)).code).toBe(0);
    expect(await project.call(number)).toMatchObject({
      result: 'ACCEPT',
      trunkId: sipTrunkId,
      ruleId: sipDispatchRuleId,
      room: expect.stringMatching(/^sip-room-/) as string,
    });
    expect((await project.call('+15559990000')).result).toBe('DROP');
    expect((await project.sip.listSipInboundTrunk())[0]).toMatchObject({ authUsername: 'sales', authPassword: 'kept' });
    expect((await run([], env)).stdout).toContain('Nothing to do');
    expect((await run([])).stdout).toContain('Nothing to do');
  });

  test('a foreign rule on our trunk: reported, and adopted only with the trunk', async () => {
    const project = await openProject();
    const run = await openInstallation(project);
    const { trunkId, ruleId } = outcomeOf(await run(['--yes', '--json']));
    const withPin = await project.sip.createSipDispatchRule(
      { type: 'direct', roomName: 'conference', pin: '4711' },
      { trunkIds: [trunkId ?? ''] },
    );
    expect(outcomeOf(await run(['--yes', '--json'])).conflicts).toMatchObject([
      { code: 'rule_foreign', id: withPin.sipDispatchRuleId },
    ]);
    await project.sip.deleteSipDispatchRule(ruleId ?? '');
    expect(outcomeOf(await run(['--yes', '--json'])).conflicts).toMatchObject([
      { code: 'rule_foreign', id: withPin.sipDispatchRuleId },
    ]);
    const env = { LIVEKIT_INBOUND_TRUNK_ID: trunkId ?? '' };
    expect((await run(['--yes', '--adopt'], env)).code).toBe(0);
    expect(await project.call(number)).toMatchObject({ result: 'ACCEPT', ruleId: withPin.sipDispatchRuleId });
    expect((await run([], env)).code).toBe(0);
  });

  test('two installations in one project leave each other alone', async () => {
    const project = await openProject();
    const [one, other] = [await openInstallation(project), await openInstallation(project, ['+15550003333'])];
    const first = outcomeOf(await one(['--yes', '--json']));
    const second = outcomeOf(await other(['--yes', '--json']));
    expect(second).toMatchObject({ applied: true, trunk: { action: 'create' }, rule: { action: 'create' } });
    expect((await one([])).code).toBe(0);
    expect((await other([])).code).toBe(0);
    expect((await project.call(number)).trunkId).toBe(first.trunkId);
    expect((await project.call('+15550003333')).trunkId).toBe(second.trunkId);
  });

  test('recreates what was deleted at LiveKit', async () => {
    const project = await openProject();
    const run = await openInstallation(project);
    const { trunkId, ruleId } = outcomeOf(await run(['--yes', '--json']));
    await project.sip.deleteSipTrunk(trunkId ?? '');
    const gone = await run([], { LIVEKIT_INBOUND_TRUNK_ID: trunkId ?? '' });
    expect(gone.code).toBe(1);
    expect(gone.stdout).toContain('Unset it');
    const again = outcomeOf(await run(['--yes', '--json']));
    expect(again).toMatchObject({ trunk: { action: 'create' }, rule: { action: 'update', id: ruleId } });
    expect(await project.call(number)).toMatchObject({ result: 'ACCEPT', trunkId: again.trunkId, ruleId });
  });

  test('reports what is missing', async () => {
    const project = await openProject({ redis: false });
    const run = await openInstallation(project);
    expect(await run([])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/LiveKit failed to list.*redis/i) as string,
    });
    const unset = await run([], { LIVEKIT_URL: '', LIVEKIT_API_KEY: '', LIVEKIT_API_SECRET: '' });
    expect(unset).toMatchObject({ code: 1, stderr: expect.stringContaining('LIVEKIT_URL') as string });
    const empty = await openInstallation(await openProject(), []);
    expect(await empty(['--yes'])).toMatchObject({ code: 1, stdout: expect.stringContaining('no_numbers') as string });
  });
});
