/** From probe results to findings: a correct installation, and each fault on its own. */
import { describe, expect, test } from 'vitest';
import { loadConfig, type Config } from '#src/config.ts';
import { diagnose, diagnoseConfiguration } from '#src/doctor/diagnose.ts';
import {
  probeFailed,
  checkNames,
  probed,
  probeSkipped,
  type FindingCode,
  type CheckResult,
  type CheckName,
} from '#src/doctor/check.ts';
import type { DatabaseState, NumberState, ProbeResults, TwilioState } from '#src/doctor/probe-results.ts';
import type { SipRule, SipTrunk } from '#src/livekit/sip.ts';
import type { OwnedNumber } from '#src/numbers/owned-number.ts';
import type { RouteFacts } from '#src/routing/route.ts';
import type { Origination } from '#src/twilio/client.ts';

const number = '+18588796658';
const sipUri = 'sip:clinic.sip.livekit.cloud';

const environment = {
  LIVEKIT_URL: 'wss://clinic.livekit.cloud',
  LIVEKIT_API_KEY: 'APIours',
  LIVEKIT_API_SECRET: 'a-secret-of-our-own',
  LIVEKIT_INBOUND_TRUNK_ID: 'ST_1',
  LIVEKIT_SIP_URI: sipUri,
  PUBLIC_URL: 'https://agent.example.com',
};
const configOf = (env: Record<string, string> = {}): Config => loadConfig({ ...environment, ...env });

const facts: RouteFacts = {
  number: { id: 'n1', number, isActive: true, livekitTrunkId: 'ST_1' },
  tenant: { id: 't1', name: 'Dental', isActive: true, openCalls: 0, callersCalls: 0 },
  campaign: {
    id: 'c1',
    name: 'Front desk',
    status: 'active',
    versionId: null,
    agentName: null,
    maxConcurrent: 3,
    openCalls: 0,
  },
  defaultAgent: null,
};
const campaign = facts.campaign!;
const editable = { version: 4, tenantVersion: 5, campaignVersion: 6, campaigns: [{ id: 'c1', name: 'Front desk' }] };
const record = (over: Partial<RouteFacts> = {}, more: Partial<typeof editable> = {}): NumberState => ({
  number,
  record: { facts: { ...facts, ...over }, editable: { ...editable, ...more } },
});
const owned: OwnedNumber = {
  sid: 'PN1',
  number,
  type: 'LOCAL',
  capabilities: { voice: true, sms: true, mms: false, fax: false },
  trunkSid: 'TK1',
  voiceUrl: '',
  voiceApplicationSid: null,
  purchasedAt: null,
};
const origination: Origination = { sid: 'OU1', sipUri, priority: 10, weight: 10, enabled: true };
const trunk: SipTrunk = {
  id: 'ST_1',
  name: 'inbound',
  numbers: [number],
  allowedAddresses: [],
  allowedCallers: [],
  metadata: '{"managedBy":"telephony-agent"}',
};
const rule: SipRule = {
  id: 'SDR_1',
  name: 'inbound',
  trunkIds: ['ST_1'],
  kind: 'individual',
  pin: '',
  callers: [],
  dialed: [],
  hidesNumbers: false,
  agents: ['telephony-agent'],
  metadata: '{"managedBy":"telephony-agent","trunkId":"ST_1"}',
};

const database = (one: NumberState = record(), more: Partial<DatabaseState> = {}): Pick<ProbeResults, 'database'> => {
  const all = [{ number, isActive: one.record?.facts.number.isActive ?? false, livekitTrunkId: 'ST_1' }];
  return { database: probed({ numbers: [one], all, hasSeveralTenants: false, ...more }) };
};
const twilio = (over: Partial<TwilioState> = {}): Pick<ProbeResults, 'twilio'> => ({
  twilio: probed({ accountSid: 'AC1', owned: [owned], originations: { TK1: [origination] }, ...over }),
});
const origins = (...all: readonly Partial<Origination>[]) =>
  twilio({ originations: { TK1: all.map((one, i) => ({ ...origination, sid: `OU${i + 1}`, ...one })) } });
const livekit = (
  trunks: readonly Partial<SipTrunk>[],
  rules: readonly Partial<SipRule>[],
): Pick<ProbeResults, 'livekit'> => ({
  livekit: probed({
    trunks: trunks.map((one) => ({ ...trunk, ...one })),
    rules: rules.map((one) => ({ ...rule, ...one })),
  }),
});
const service = (over: Partial<Record<'database' | 'livekit' | 'worker', string>>): Pick<ProbeResults, 'service'> => ({
  service: probed({ database: 'ok', livekit: 'ok', worker: 'ok', ...over }),
});
const webhook = (kind: 'another_key' | 'another_secret' | 'altered' | null): Pick<ProbeResults, 'webhook'> => ({
  webhook: probed({
    arrived: false,
    waitedMs: 10_020,
    unproven: kind === null ? null : { kind, issuer: 'APItheirs', count: 1, secondsAgo: 2 },
  }),
});

const correct: ProbeResults = {
  ...database(),
  ...twilio(),
  ...livekit([{}], [{}]),
  ...service({}),
  webhook: probed({ arrived: true, unproven: null, waitedMs: 90 }),
  deepgram: probed({ status: 200 }),
  openai: probed({ status: 200 }),
};

const results = (over: Partial<ProbeResults> = {}, config: Config = configOf()): CheckResult[] =>
  diagnose(config, [], { ...correct, ...over }, null);
const failedOf = (all: readonly CheckResult[]) => all.filter(({ state }) => state === 'failed');
const codes = (all: readonly CheckResult[]) => failedOf(all).map(({ code }) => code);
const skips = (all: readonly CheckResult[]) => all.filter(({ state }) => state === 'skipped').map(({ check }) => check);

test('a correct installation: every check, in the order of the call path', () => {
  const all = results();
  expect(all.map(({ check }) => check)).toEqual(checkNames);
  expect(all.filter(({ state }) => state !== 'ok')).toEqual([]);
  expect(all.every(({ code, fix }) => code === null && fix === null)).toBe(true);
});

const sync = 'npm run cli -- sync:livekit --yes';
const setup = 'npm run cli -- setup:twilio --trunk TK1 --number +18588796658';

/** The code, the check, the probe results with the fault, and part of the fix. */
const faults: [FindingCode, CheckName, Partial<ProbeResults>, fix: string, env?: Record<string, string>][] = [
  ['number_missing', 'number', database({ number, record: null }), 'npm run cli -- import:twilio'],
  [
    'number_inactive',
    'number',
    database(record({ number: { ...facts.number, isActive: false } })),
    'PATCH /api/v1/phone-numbers/n1 {"version":4,"is_active":true}',
  ],
  [
    'tenant_inactive',
    'number',
    database(record({ tenant: { ...facts.tenant, isActive: false } })),
    'PATCH /api/v1/tenants/t1 {"version":5,"is_active":true}',
  ],
  [
    'campaign_inactive',
    'number',
    database(record({ campaign: { ...campaign, status: 'paused' } })),
    'PATCH /api/v1/campaigns/c1 {"version":6,"status":"active"}',
  ],
  [
    'campaign_inactive',
    'number',
    database(record({ campaign: { ...campaign, status: 'draft' } })),
    'POST /api/v1/campaigns/c1/publish',
  ],
  [
    'campaign_full',
    'number',
    database(record({ campaign: { ...campaign, openCalls: 3 } })),
    "Raise the campaign's max_concurrent",
  ],
  ['number_without_campaign', 'number', database(record({ campaign: null })), 'import:twilio --campaign c1'],
  [
    'number_without_campaign',
    'number',
    database(record({ campaign: null }), { hasSeveralTenants: true }),
    'import:twilio --tenant t1 --campaign c1',
  ],
  ['number_without_campaign', 'number', database(record({ campaign: null }, { campaigns: [] })), 'POST /api/v1/camp'],
  ['number_not_in_account', 'twilio_number', twilio({ owned: [] }), 'TWILIO_ACCOUNT_SID'],
  [
    'voice_url_set',
    'twilio_number',
    twilio({ owned: [{ ...owned, voiceUrl: 'https://demo.twilio.com/x' }] }),
    `${setup} --yes`,
  ],
  [
    'number_without_voice',
    'twilio_number',
    twilio({ owned: [{ ...owned, capabilities: { ...owned.capabilities, voice: false } }] }),
    'Buy',
  ],
  [
    'no_twilio_trunk',
    'twilio_trunk',
    twilio({ owned: [{ ...owned, trunkSid: null }] }),
    'npm run cli -- setup:twilio --yes',
  ],
  [
    'no_twilio_trunk',
    'twilio_trunk',
    twilio({ owned: [{ ...owned, trunkSid: null, voiceApplicationSid: 'AP1' }] }),
    'setup:twilio --number +18588796658 --move-numbers --yes',
  ],
  ['sip_uri_wrong', 'origination', origins(), `${setup} --yes`],
  [
    'sip_uri_wrong',
    'origination',
    origins({ sipUri: 'sip:pbx.example.com' }),
    `${setup} --other-origination disable --yes`,
  ],
  ['origination_disabled', 'origination', origins({ enabled: false }), `${setup} --yes`],
  [
    'other_origination',
    'origination',
    origins({}, { sipUri: 'sip:pbx.example.com' }),
    `${setup} --other-origination disable --yes`,
  ],
  ['sip_uri_missing', 'origination', {}, 'Set LIVEKIT_SIP_URI', { LIVEKIT_SIP_URI: '' }],
  ['livekit_trunk_lacks_number', 'livekit_trunk', livekit([{ numbers: ['+15550002222'] }], [{}]), sync],
  [
    'livekit_trunk_restricts_callers',
    'livekit_trunk',
    livekit([{ allowedCallers: ['+1'] }], [{}]),
    'Remove the allowed numbers',
  ],
  ['trunk_id_differs', 'livekit_trunk', {}, 'Set LIVEKIT_INBOUND_TRUNK_ID=ST_1', { LIVEKIT_INBOUND_TRUNK_ID: 'ST_2' }],
  ['no_rule', 'dispatch_rule', livekit([{}], [{ trunkIds: ['ST_9'] }]), sync],
  ['rule_without_trunk', 'dispatch_rule', livekit([{}], [{ trunkIds: [], metadata: '' }]), sync],
  ['direct_rule', 'dispatch_rule', livekit([{}], [{ kind: 'direct' }]), sync],
  ['direct_rule', 'dispatch_rule', livekit([{}], [{ kind: 'direct', metadata: '' }]), `${sync} --adopt`],
  ['shared_room_rule', 'dispatch_rule', livekit([{}], [{ kind: 'callee' }]), sync],
  ['agent_name_wrong', 'dispatch_rule', livekit([{}], [{ agents: ['other'] }]), sync],
  ['agent_name_wrong', 'dispatch_rule', livekit([{}], [{}]), sync, { AGENT_NAME: 'mine' }],
  ['rule_requires_pin', 'dispatch_rule', livekit([{}], [{ pin: '4711' }]), sync],
  ['rule_restricts_callers', 'dispatch_rule', livekit([{}], [{ callers: ['+15551234567'] }]), sync],
  ['rule_hides_numbers', 'dispatch_rule', livekit([{}], [{ hidesNumbers: true }]), sync],
  ['no_rule', 'dispatch_rule', livekit([{}], [{ dialed: ['+15550002222'] }]), sync],
  ['service_without_database', 'service', service({ database: 'failed' }), 'DATABASE_URL'],
  ['service_without_livekit', 'service', service({ livekit: 'failed' }), 'LIVEKIT_URL'],
  ['worker_not_registered', 'worker', service({ worker: 'not_registered' }), 'npm start'],
  ['worker_warming', 'worker', service({ worker: 'warming' }), 'Check again'],
  ['worker_draining', 'worker', service({ worker: 'draining' }), 'npm start'],
  [
    'webhook_absent',
    'webhook',
    webhook(null),
    'Add https://agent.example.com/api/v1/webhooks/livekit/events to the webhooks',
  ],
  ['webhook_key_differs', 'webhook', webhook('another_key'), 'Select APIours as the signing key'],
  ['webhook_key_differs', 'webhook', webhook('another_secret'), 'Set LIVEKIT_API_SECRET to the secret of APIours'],
  ['webhook_altered', 'webhook', webhook('altered'), 'proxies'],
  ['provider_key_refused', 'deepgram', { deepgram: probed({ status: 401 }) }, 'DEEPGRAM_API_KEY'],
  ['provider_key_refused', 'openai', { openai: probed({ status: 401 }) }, 'OPENAI_API_KEY'],
  ['provider_unavailable', 'openai', { openai: probed({ status: 500 }) }, 'Check again'],
  [
    'secret_default',
    'configuration',
    {},
    'Create your own key pair',
    { LIVEKIT_API_KEY: 'devkey', LIVEKIT_API_SECRET: 'secret' },
  ],
];

describe('each fault on its own is found, with its fix', () => {
  test.each(faults)('%s (%s)', (code, check, over, fix, env = {}) => {
    const found = failedOf(results(over, configOf(env)));
    expect(found).toMatchObject([{ code, check }]);
    expect(found[0]?.fix).toContain(fix);
    expect(found[0]?.message).toMatch(/[.)]$/);
  });
});

describe('not faults', () => {
  test.each<[string, Partial<ProbeResults>, Record<string, string>?]>([
    ['a trunk that takes calls to any number', livekit([{ numbers: [] }], [{}])],
    ['a number in another spelling', livekit([{ numbers: ['1 (858) 879-6658'] }], [{}])],
    ['a rule for this number among others', livekit([{}], [{ dialed: [number, '+15550002222'] }])],
    [
      'a rule without trunks beside our own, which comes first',
      livekit([{}], [{}, { id: 'SDR_2', trunkIds: [], kind: 'direct', metadata: '' }]),
    ],
    [
      "a trunk of the number's own, beside the inbound one",
      livekit([{}, { id: 'ST_2', numbers: ['+15550002222'] }], [{}]),
      { LIVEKIT_INBOUND_TRUNK_ID: 'ST_2' },
    ],
    ['no LIVEKIT_INBOUND_TRUNK_ID', {}, { LIVEKIT_INBOUND_TRUNK_ID: '' }],
    ['an origination URL that is asked when ours fails', origins({}, { sipUri: 'sip:pbx.example.com', priority: 20 })],
    ['another that is disabled', origins({}, { sipUri: 'sip:pbx.example.com', enabled: false })],
    ['another spelling of ours', origins({ sipUri: `${sipUri}:5060;transport=tcp` }, { enabled: false })],
    ['ours twice, once disabled', origins({ enabled: false }, { sipUri: sipUri.toUpperCase() })],
    ['a key that may not be asked about itself', { openai: probed({ status: 403 }) }],
    [
      'the development secret on this machine only',
      {},
      {
        LIVEKIT_API_KEY: 'devkey',
        LIVEKIT_API_SECRET: 'secret',
        LIVEKIT_URL: 'ws://localhost:7880',
        HOST: '127.0.0.1',
        PUBLIC_URL: 'http://[::1]:3000',
      },
    ],
  ])('%s', (_, over, env = {}) => {
    expect(codes(results(over, configOf(env)))).toEqual([]);
  });
});

describe('several things', () => {
  test('a trunk that the service rejects: neither the configuration nor the record names it', () => {
    const strange = database(record({ number: { ...facts.number, livekitTrunkId: null } }));
    const both = livekit([{}, { id: 'ST_2', numbers: [] }], [{}]);
    const found = failedOf(results({ ...strange, ...both }, configOf({ LIVEKIT_INBOUND_TRUNK_ID: 'ST_2' })));
    expect(found).toMatchObject([{ code: 'trunk_id_differs' }]);
    expect(found[0]?.message).toContain('the service rejects');
  });

  test('a direct rule without trunk and agent: three faults of one check', () => {
    const all = results(livekit([{}], [{ trunkIds: [], kind: 'direct', agents: [], metadata: '' }]));
    expect(codes(all)).toEqual(['rule_without_trunk', 'direct_rule', 'agent_name_wrong']);
    expect(failedOf(all)[2]?.message).toContain('dispatches no agent');
  });

  test('a conflict that only a person can resolve: the fix is the message of sync:livekit', () => {
    const foreign = livekit([{ metadata: '' }], [{ kind: 'direct', metadata: '' }]);
    const [found] = failedOf(results(foreign, configOf({ LIVEKIT_INBOUND_TRUNK_ID: '' })));
    expect(found?.fix).toContain('LIVEKIT_INBOUND_TRUNK_ID=ST_1 and --adopt');
  });

  test('a rule with a PIN, or for certain callers, as LiveKit would choose', () => {
    const withPin = livekit([{}], [{}, { id: 'SDR_2', pin: '1', metadata: '' }]);
    expect(codes(results(withPin))).toEqual(['rule_requires_pin']);
    const forOne = livekit([{}], [{}, { id: 'SDR_2', callers: ['+1'], kind: 'direct', metadata: '' }]);
    expect(codes(results(forOne))).toEqual([]);
  });

  test('each number has checks of its own; having none is a fault', () => {
    const other = { number: '+15550002222', record: null };
    const all = results(database(record(), { numbers: [record(), other] }));
    expect(all.filter(({ check }) => check === 'dispatch_rule').map((one) => one.number)).toEqual([
      number,
      '+15550002222',
    ]);
    const none = results(database(record(), { numbers: [] }));
    expect(codes(none)).toEqual(['no_numbers']);
  });
});

describe('a failed probe hides nothing else', () => {
  const failing = (code: FindingCode) => probeFailed(code, 'It failed.', null);
  test.each<[Partial<ProbeResults>, FindingCode, CheckName[]]>([
    [{ database: failing('schema_behind') }, 'schema_behind', []],
    [{ twilio: failing('twilio_refused') }, 'twilio_refused', ['twilio_number', 'twilio_trunk', 'origination']],
    [{ livekit: failing('livekit_unavailable') }, 'livekit_unavailable', ['livekit_trunk', 'dispatch_rule']],
    [
      { service: failing('service_unreachable'), webhook: probeSkipped('x') },
      'service_unreachable',
      ['worker', 'webhook'],
    ],
    [{ webhook: failing('public_url_missing') }, 'public_url_missing', []],
    [{ openai: failing('provider_key_missing') }, 'provider_key_missing', []],
    [{ deepgram: probed({ status: 404 }) }, 'probe_failed', ['deepgram']],
  ])('%j', (over, code, skipped) => {
    const all = results(over);
    expect(codes(all)).toEqual(code === 'probe_failed' ? [] : [code]);
    expect(skips(all)).toEqual(skipped);
  });

  test("without the database, the rest of a requested number's path is checked", () => {
    const all = diagnose(configOf(), [], { ...correct, database: failing('database_unusable') }, number);
    expect(codes(all)).toEqual(['database_unusable']);
    expect(skips(all)).toEqual(['number']);
  });

  test('a configuration that cannot be read', () => {
    const all = diagnoseConfiguration(['PORT must be a whole number.']);
    expect(codes(all)).toEqual(['config_invalid']);
    expect(skips(all)).toEqual(checkNames.slice(1));
  });
});
