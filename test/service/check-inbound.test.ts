/**
 * The doctor against a real LiveKit server with Redis, Twilio's API on loopback, the whole service, and both databases. Each fault is
 * created where it would occur; after its fix was applied, the next check finds nothing.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RoomServiceClient, SipClient, type SipInboundTrunkUpdateOptions } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { command as checkInbound } from '#src/cli/check-inbound.ts';
import type { Command } from '#src/cli/command.ts';
import { command as importTwilio } from '#src/cli/import-twilio.ts';
import { command as setupTwilio } from '#src/cli/setup-twilio.ts';
import { command as syncLivekit } from '#src/cli/sync-livekit.ts';
import { loadConfig, requireCallConfig } from '#src/config.ts';
import { openDb, type Db } from '#src/database/open.ts';
import type { CheckResult } from '#src/doctor/check.ts';
import { buildHttp } from '#src/http/server.ts';
import { obtainLivekitServer, startLivekitServer } from '#src/local/livekit/server.ts';
import { startProviders } from '#src/simulators/providers/server.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { startService } from '#src/service.ts';
import { runCommand } from '#test/support/command.ts';
import { seedTenant, testContext } from '#test/support/context.ts';
import { createDatabase, describeBothDatabases, useTestDatabases } from '#test/support/database.ts';
import { makeDatabase } from '#test/support/postgres.ts';
import { obtainRedis, startRedis } from '#test/support/redis.ts';
import { obtainSipRoute, sipRoute } from '#test/support/sip-route.ts';
import { startTwilioServer, type TwilioServer } from '#test/support/twilio-server.ts';

const number = '+18588796658';
const sipUri = 'sip:clinic.sip.livekit.cloud';
const otherKey = { key: 'APIother', secret: 'another-secret-that-is-long-enough-for-livekit' };
const main = join(import.meta.dirname, '../../src/cli/main.ts');

/** How LiveKit wants a list of a trunk changed; the SDK fills in what the message lacks. */
const listOf = (...set: string[]): ListUpdate =>
  set.length === 0 ? ({ clear: true } as ListUpdate) : ({ set } as ListUpdate);
type ListUpdate = NonNullable<SipInboundTrunkUpdateOptions['numbers']>;

type Env = Record<string, string>;
type Report = { ok: boolean; checks: CheckResult[] };

const check = async (env: Env, ...argv: string[]): Promise<Report & { code: number }> => {
  const { code, out } = await runCommand(checkInbound, [...argv, '--json'], env);
  expect(out.match(/\n/g)).toHaveLength(1);
  return { code, ...(JSON.parse(out) as Report) };
};

const failedOf = ({ checks }: Report) => checks.filter(({ state }) => state === 'failed');
const codesOf = (report: Report) => failedOf(report).map(({ code }) => code);
const stateOf = ({ checks }: Report) => Object.fromEntries(checks.map(({ check, state }) => [check, state]));

describe('check:inbound', () => {
  const databases = useTestDatabases();
  const stack = new AsyncDisposableStack();
  afterAll(() => stack.disposeAsync());

  let env: Env;
  let db: Db;
  let twilio: TwilioServer;
  let sip: SipClient;
  let rooms: RoomServiceClient;
  let redisAddress = '';
  let quiet: string;
  let strange: string;
  let trunkId = '';

  /** The HTTP side of a service whose worker was never started. */
  const listenWithoutWorker = async (more: Env, port: number): Promise<string> => {
    const http = buildHttp(testContext(db, { env: more }), { worker: () => 'not_registered', readyProcesses: () => 0 });
    stack.defer(() => http.close());
    return http.listen({ host: '127.0.0.1', port });
  };

  beforeAll(async () => {
    const progress = (line: string): void => console.log(line);
    await Promise.all([obtainRedis(progress), obtainSipRoute(progress)]);
    const [port, strangePort] = [await freePort(), await freePort()];
    const redis = stack.use(await startRedis());
    redisAddress = redis.address;
    const events = [port, strangePort].map((one) => `http://127.0.0.1:${one}/api/v1/webhooks/livekit/events`);
    const livekit = stack.use(
      await startLivekitServer({
        binary: await obtainLivekitServer({ env: process.env, progress }),
        redisUrl: redis.url,
        webhookUrl: events,
        moreKeys: { [otherKey.key]: otherKey.secret },
      }),
    );
    const providers = stack.use(await startProviders({ apiKey: 'good-key' }));
    twilio = stack.use(await startTwilioServer());
    const database = stack.use(await makeDatabase('sqlite', databases()));
    env = {
      ...twilio.env,
      DATABASE_URL: database.url,
      LIVEKIT_URL: livekit.url,
      LIVEKIT_API_KEY: livekit.apiKey,
      LIVEKIT_API_SECRET: livekit.apiSecret,
      LIVEKIT_SIP_URI: sipUri,
      DEEPGRAM_API_KEY: 'good-key',
      DEEPGRAM_BASE_URL: providers.deepgramUrl,
      OPENAI_API_KEY: 'good-key',
      OPENAI_BASE_URL: providers.openaiUrl,
      HOST: '127.0.0.1',
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}/`,
      IDLE_PROCESSES: '1',
      LOG_LEVEL: 'silent',
    };
    db = stack.use(await openDb(database.url));
    sip = new SipClient(livekit.url, livekit.apiKey, livekit.apiSecret);
    rooms = new RoomServiceClient(livekit.url, livekit.apiKey, livekit.apiSecret);
    const service = stack.use(await startService({ config: requireCallConfig(loadConfig(env)), env: process.env }));
    quiet = await listenWithoutWorker(env, 0);
    const strangeKeys = { LIVEKIT_API_KEY: otherKey.key, LIVEKIT_API_SECRET: otherKey.secret };
    strange = await listenWithoutWorker({ ...env, ...strangeKeys }, strangePort);
    await seedTenant(db, { number });
    twilio.addNumber(number);
    await runCommand(setupTwilio, ['--yes'], env);
    const synced = await runCommand(syncLivekit, ['--yes', '--json'], env);
    trunkId = (JSON.parse(synced.out) as { trunkId: string }).trunkId;
    env.LIVEKIT_INBOUND_TRUNK_ID = trunkId;
    await service.ready;
  }, 600_000);

  /** Runs the fix of a result, which must be a command. */
  const applyFix = async ({ fix: text }: CheckResult, more: Env = {}): Promise<void> => {
    const commands: Record<string, Command> = {
      'import:twilio': importTwilio,
      'setup:twilio': setupTwilio,
      'sync:livekit': syncLivekit,
    };
    const [, name = '', rest = ''] = /^npm run cli -- (\S+)(.*)$/.exec(text ?? '') ?? [];
    const command = commands[name];
    if (command === undefined) throw new Error(`not a command: ${text}`);
    await runCommand(
      command,
      rest.split(' ').filter((word) => word !== ''),
      { ...env, ...more },
    );
  };

  /** The only finding. */
  const only = async (code: string, more: Env = {}): Promise<CheckResult> => {
    const report = await check({ ...env, ...more }, number);
    expect(codesOf(report)).toEqual([code]);
    expect([report.ok, report.code]).toEqual([false, 1]);
    const [found] = failedOf(report);
    if (found === undefined) throw new Error('no check failed');
    return found;
  };

  const expectFine = async (): Promise<void> => expect(failedOf(await check(env, number))).toEqual([]);

  const theRule = async () => {
    const [rule] = await sip.listSipDispatchRule();
    if (rule === undefined) throw new Error('there is no rule');
    return rule;
  };

  test('as typed: every check passes, on one line of JSON or a line each; exit code 0', async () => {
    const start = (...args: string[]) =>
      promisify(execFile)(process.execPath, [main, 'check:inbound', ...args], {
        cwd: '/',
        env: { PATH: process.env.PATH, ...env },
      });
    const { stdout, stderr } = await start('(858) 879-6658', '--json');
    const report = JSON.parse(stdout) as Report;
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(stderr).toBe('');
    expect(report.ok).toBe(true);
    expect(report.checks).toMatchObject([
      ...['configuration', 'database'].map((check) => ({ check, number: null, state: 'ok', code: null, fix: null })),
      { check: 'number', number, state: 'ok' },
      { check: 'twilio', number: null, state: 'ok' },
      ...['twilio_number', 'twilio_trunk', 'origination'].map((check) => ({ check, number, state: 'ok' })),
      { check: 'livekit', number: null, state: 'ok' },
      ...['livekit_trunk', 'dispatch_rule'].map((check) => ({ check, number, state: 'ok' })),
      ...['service', 'worker', 'webhook', 'deepgram', 'openai'].map((check) => ({ check, number: null, state: 'ok' })),
    ]);
    const output = await start();
    expect(output.stdout).toContain('All 15 checks passed');
    expect(output.stderr).toMatch(/Checked Twilio \(\d+ ms\)/);
    const left = await rooms.listRooms();
    expect(left.filter(({ name }) => name.startsWith('check-'))).toEqual([]);
  });

  test('the records: number missing, inactive, without campaign; campaign, tenant inactive', async () => {
    const record = await db.phoneNumber.findUniqueOrThrow({ where: { number }, include: { campaign: true } });
    const { id, campaignId, tenantId } = record;
    const where = { where: { id } };
    const campaign = { where: { id: campaignId ?? '' } };
    const tenant = { where: { id: tenantId } };

    await db.phoneNumber.update({ ...where, data: { isActive: false } });
    expect((await only('number_inactive')).fix).toBe(
      `PATCH /api/v1/phone-numbers/${id} {"version":${record.version},"is_active":true}`,
    );
    expect(codesOf(await check(env))).toContain('no_numbers');
    await db.phoneNumber.update({ ...where, data: { isActive: true, campaignId: null } });
    const withoutCampaign = await only('number_without_campaign');
    await applyFix(withoutCampaign);
    expect(await db.phoneNumber.findUniqueOrThrow(where)).toMatchObject({ campaignId });

    for (const [status, step] of [
      ['paused', `{"version":0,"status":"active"}`],
      ['draft', 'publish'],
      ['archived', 'paused'],
    ] as const) {
      await db.campaign.update({ ...campaign, data: { status } });
      expect((await only('campaign_inactive')).fix).toContain(step);
    }
    await db.campaign.update({ ...campaign, data: { status: 'active', maxConcurrent: 0 } });
    await only('campaign_full');
    await db.campaign.update({ ...campaign, data: { maxConcurrent: 3 } });
    await db.tenant.update({ ...tenant, data: { isActive: false } });
    await only('tenant_inactive');
    await db.tenant.update({ ...tenant, data: { isActive: true } });
    await expectFine();

    const missing = await check(env, '+15550001111');
    expect(codesOf(missing)).toEqual(['number_missing', 'number_not_in_account']);
    twilio.addNumber('+15550001111');
    const bought = await check(env, '+15550001111');
    expect(codesOf(bought)).toEqual(['number_missing', 'voice_url_set', 'no_twilio_trunk']);
    await applyFix(failedOf(bought)[0]!);
    expect(codesOf(await check(env, '+15550001111'))).toEqual([
      'number_without_campaign',
      'voice_url_set',
      'no_twilio_trunk',
      'livekit_trunk_lacks_number',
    ]);
    twilio.numbers = twilio.numbers.filter((one) => one.phone_number === number);
    await db.phoneNumber.delete({ where: { number: '+15550001111' } });
    await expectFine();
  });

  test('Twilio: Voice URL, trunk, origination URL, the account', async () => {
    const [owned] = twilio.numbers;
    const [origination] = twilio.originations;
    if (owned === undefined || origination === undefined) throw new Error('setup:twilio has set nothing up');
    const trunkSid = owned.trunk_sid;
    const faults: [code: string, make: () => void][] = [
      ['voice_url_set', () => (owned.voice_url = 'https://user:password@example.com/voice')],
      ['no_twilio_trunk', () => (owned.trunk_sid = null)],
      ['origination_disabled', () => (origination.enabled = false)],
      ['sip_uri_wrong', () => (origination.sip_url = 'sip:elsewhere.example.com')],
      ['other_origination', () => void twilio.addOrigination(twilio.trunks[0]!, 'sip:pbx.example.com')],
    ];
    for (const [code, make] of faults) {
      make();
      const found = await only(code);
      expect(found.message).not.toContain('password');
      await applyFix(found);
      await expectFine();
      expect(owned.trunk_sid).toBe(trunkSid);
    }
    twilio.addOrigination(twilio.trunks[0]!, 'sip:fallback.example.com', { priority: 20 });
    await expectFine();

    owned.capabilities.voice = false;
    await only('number_without_voice');
    owned.capabilities.voice = true;
    twilio.numbers = [];
    await only('number_not_in_account');
    twilio.numbers = [owned];
    await only('sip_uri_missing', { LIVEKIT_SIP_URI: '' });

    const refused = await check({ ...env, TWILIO_AUTH_TOKEN: 'wrong' }, number);
    expect(codesOf(refused)).toEqual(['twilio_refused']);
    expect(stateOf(refused)).toMatchObject({ twilio_trunk: 'skipped', livekit_trunk: 'ok', webhook: 'ok' });
    await only('twilio_unavailable', { TWILIO_BASE_URL: `http://127.0.0.1:${await freePort()}` });
    const unset = { TWILIO_ACCOUNT_SID: '', TWILIO_AUTH_TOKEN: '', TWILIO_BASE_URL: '' };
    expect((await only('twilio_not_configured', unset)).fix).toContain('TWILIO_ACCOUNT_SID');
  });

  test("LiveKit: the trunk lacks the number, is another than the environment's, is for few callers", async () => {
    await sip.updateSipInboundTrunkFields(trunkId, { numbers: listOf('+15550002222') });
    await applyFix(await only('livekit_trunk_lacks_number'));
    await expectFine();
    const [wrong, other] = ['ST_doesnotexist', await sip.createSipInboundTrunk('Other', ['+15550003333'])];
    const missing = await only('trunk_id_differs', { LIVEKIT_INBOUND_TRUNK_ID: wrong });
    expect(missing.fix).toContain(`LIVEKIT_INBOUND_TRUNK_ID=${trunkId}`);
    // A trunk of the number's own is no mistake, as long as the record knows it.
    const elsewhere = { LIVEKIT_INBOUND_TRUNK_ID: other.sipTrunkId };
    expect(codesOf(await check({ ...env, ...elsewhere }, number))).toEqual([]);
    await db.phoneNumber.update({ where: { number }, data: { livekitTrunkId: null } });
    expect((await only('trunk_id_differs', elsewhere)).message).toContain('rejects');
    await sip.deleteSipTrunk(other.sipTrunkId);
    await runCommand(syncLivekit, ['--yes'], env);
    await sip.updateSipInboundTrunkFields(trunkId, { allowedNumbers: listOf('+15551234567') });
    await only('livekit_trunk_restricts_callers');
    await sip.updateSipInboundTrunkFields(trunkId, { allowedNumbers: listOf() });
    await expectFine();
  });

  test('LiveKit: no rule, one without a trunk, a direct one, another agent', async () => {
    await sip.deleteSipDispatchRule((await theRule()).sipDispatchRuleId);
    const none = await only('no_rule');
    const forAll = await sip.createSipDispatchRule(
      { type: 'direct', roomName: 'lobby' },
      { name: 'for all', trunkIds: [] },
    );
    const without = await check(env, number);
    expect(codesOf(without)).toEqual(['rule_without_trunk', 'direct_rule', 'agent_name_wrong']);
    await applyFix(none);
    // A trunk's own rule comes first, and LiveKit says the same.
    await expectFine();
    const route = await sipRoute(
      { redisAddress, apiKey: env.LIVEKIT_API_KEY ?? '', apiSecret: env.LIVEKIT_API_SECRET ?? '' },
      { from: '+15551234567', to: number },
    );
    expect(route.result).toBe('ACCEPT');
    expect(route.ruleId).not.toBe(forAll.sipDispatchRuleId);
    await sip.deleteSipDispatchRule(forAll.sipDispatchRuleId);

    await runCommand(syncLivekit, ['--yes'], { ...env, AGENT_NAME: 'somebody-else' });
    const named = await only('agent_name_wrong');
    expect(named.message).toContain('dispatches somebody-else, not telephony-agent');
    await applyFix(named);
    await expectFine();

    await sip.deleteSipDispatchRule((await theRule()).sipDispatchRuleId);
    await sip.createSipDispatchRule({ type: 'direct', roomName: 'lobby', pin: '4711' }, { trunkIds: [trunkId] });
    const direct = await check(env, number);
    expect(codesOf(direct)).toEqual(['direct_rule', 'agent_name_wrong', 'rule_requires_pin']);
    expect(failedOf(direct)[0]?.fix).toBe('npm run cli -- sync:livekit --yes --adopt');
    await applyFix(failedOf(direct)[0]!);
    await expectFine();
  });

  test('LiveKit and the service: away, or with another key', async () => {
    const gone = { LIVEKIT_URL: `ws://127.0.0.1:${await freePort()}` };
    const away = await check({ ...env, ...gone }, number);
    expect(codesOf(away)).toEqual(['livekit_unavailable']);
    expect(stateOf(away)).toMatchObject({ livekit_trunk: 'skipped', dispatch_rule: 'skipped', webhook: 'skipped' });
    expect(codesOf(await check({ ...env, LIVEKIT_API_SECRET: 'x'.repeat(40) }, number))).toEqual([
      'livekit_key_refused',
    ]);
    const nobody = await check({ ...env, PUBLIC_URL: `http://127.0.0.1:${await freePort()}` }, number);
    expect(codesOf(nobody)).toEqual(['service_unreachable']);
    expect(stateOf(nobody)).toMatchObject({ worker: 'skipped', webhook: 'skipped', openai: 'ok' });
    expect(codesOf(await check({ ...env, PUBLIC_URL: twilio.baseUrl }, number))).toEqual(['service_unknown']);
    // Without PUBLIC_URL the service is found on this machine.
    const local = await check({ ...env, PUBLIC_URL: '' }, number);
    expect(codesOf(local)).toEqual(['public_url_missing']);
    expect(stateOf(local)).toMatchObject({ worker: 'ok', webhook: 'failed' });
    const unset = { LIVEKIT_URL: '', LIVEKIT_API_KEY: '', LIVEKIT_API_SECRET: '', LIVEKIT_INBOUND_TRUNK_ID: '' };
    expect(codesOf(await check({ ...env, ...unset }, number))).toEqual(['livekit_not_configured']);
  });

  test('webhooks: none came in 10 s, although Twilio hangs meanwhile; worker not registered', async () => {
    twilio.faults.push({ hangs: true });
    const startedMs = performance.now();
    const report = await check({ ...env, PUBLIC_URL: quiet }, number);
    expect(performance.now() - startedMs).toBeLessThan(14_000);
    expect(codesOf(report)).toEqual(['twilio_unavailable', 'worker_not_registered', 'webhook_absent']);
    expect(failedOf(report).at(-1)?.fix).toContain(`${quiet}/api/v1/webhooks/livekit/events`);
  });

  test('webhooks: signed with another key; a command with another key than the service', async () => {
    const strangeKeys = { LIVEKIT_API_KEY: otherKey.key, LIVEKIT_API_SECRET: otherKey.secret };
    const report = await check({ ...env, ...strangeKeys, PUBLIC_URL: strange }, number);
    expect(codesOf(report)).toEqual(['worker_not_registered', 'webhook_key_differs']);
    expect(failedOf(report).at(-1)?.message).toContain(`not signed with APIother, but with ${env.LIVEKIT_API_KEY}`);
    expect(codesOf(await check({ ...env, ...strangeKeys }, number))).toEqual(['service_key_differs']);
  });

  test('keys: refused by a provider, missing, or known to everybody', async () => {
    expect((await only('provider_key_refused', { DEEPGRAM_API_KEY: 'stale' })).check).toBe('deepgram');
    expect((await only('provider_key_refused', { OPENAI_API_KEY: 'stale' })).check).toBe('openai');
    await only('provider_key_missing', { OPENAI_API_KEY: '', OPENAI_BASE_URL: '' });
    await only('provider_unavailable', { DEEPGRAM_BASE_URL: `http://127.0.0.1:${await freePort()}` });
    const known = { LIVEKIT_API_KEY: 'devkey', LIVEKIT_API_SECRET: 'secret' };
    const open = await check({ ...env, ...known, HOST: '0.0.0.0' }, number);
    expect(codesOf(open)).toEqual(['secret_default', 'livekit_key_refused']);
    expect(codesOf(await check({ ...env, ...known }, number))).toEqual(['livekit_key_refused']);
    const production = await check({ ...env, ...known, NODE_ENV: 'production' }, number);
    expect(codesOf(production)).toEqual(['secret_default', 'livekit_key_refused']);
  });
});

test('reports an invalid configuration, and rejects an invalid number', async () => {
  const report = await check({ MAX_CALLS: 'many', TWILIO_ACCOUNT_SID: 'AC1' });
  expect(codesOf(report)).toEqual(['config_invalid', 'config_invalid']);
  expect(report.checks.filter(({ state }) => state === 'skipped').length).toBe(14);
  await expect(check({}, 'nonsense')).rejects.toThrow('Not a phone number: nonsense');
});

describeBothDatabases('check:inbound on', (_, { kind, databases }) => {
  const bare = { PORT: '9', PUBLIC_URL: 'http://127.0.0.1:9' };

  test('reports an outdated schema without migrating it; then finds numbers', async () => {
    const url = await createDatabase(kind, databases(), { migrated: false });
    for (const run of [1, 2]) {
      const report = await check({ ...bare, DATABASE_URL: url }, number);
      expect(report.checks[1], `run ${run}`).toMatchObject({
        check: 'database',
        code: 'schema_behind',
        fix: 'npm run cli -- db:migrate',
      });
      expect(stateOf(report)).toMatchObject({ number: 'skipped', service: 'failed' });
    }
    const migrated = await createDatabase(kind, databases());
    const db = await openDb(migrated);
    onTestFinished(() => db[Symbol.asyncDispose]());
    await seedTenant(db, { number });
    expect(stateOf(await check({ ...bare, DATABASE_URL: migrated }))).toMatchObject({ database: 'ok', number: 'ok' });
    expect(codesOf(await check({ ...bare, DATABASE_URL: migrated }, '+15550001111'))).toContain('number_missing');
  });

  test('reports a missing database', async () => {
    const url = kind === 'sqlite' ? 'file:/proc/nowhere/x.db' : 'postgresql://nobody@127.0.0.1:9/nothing';
    const report = await check({ ...bare, DATABASE_URL: url }, number);
    expect(report.checks[1]?.code).toBe(kind === 'sqlite' ? 'schema_behind' : 'database_unusable');
  });
});
