import { describe, expect, test } from 'vitest';
import type { SipRule, SipTrunk } from '#src/livekit/sip.ts';
import { isInSync, planSync, type SyncPlan, type SyncSpec } from '#src/livekit/sync.ts';

const number = '+18588796658';
const second = '+15550001111';
const ours = JSON.stringify({ managedBy: 'telephony-agent' });
const ourRule = JSON.stringify({ managedBy: 'telephony-agent', trunkId: 'ST_1' });

const spec: SyncSpec = {
  active: [number],
  own: [number, second],
  recordedTrunkIds: [],
  inboundTrunkId: null,
  agentName: 'telephony-agent',
  adopt: false,
  allowedAddresses: null,
};
const trunk = (over: Partial<SipTrunk> = {}): SipTrunk => ({
  id: 'ST_1',
  name: 'inbound',
  numbers: [number],
  allowedAddresses: [],
  allowedCallers: [],
  metadata: ours,
  ...over,
});
const rule = (over: Partial<SipRule> = {}): SipRule => ({
  id: 'SDR_1',
  name: 'inbound',
  trunkIds: ['ST_1'],
  kind: 'individual',
  pin: '',
  callers: [],
  dialed: [],
  hidesNumbers: false,
  agents: ['telephony-agent'],
  metadata: ourRule,
  ...over,
});
const plan = (trunks: SipTrunk[], rules: SipRule[], over: Partial<SyncSpec> = {}): SyncPlan =>
  planSync({ trunks, rules }, { ...spec, ...over });
const actions = ({ trunk, rule }: SyncPlan) => [trunk.action, trunk.id, rule.action, rule.id];
const codes = ({ conflicts }: SyncPlan) => conflicts.map(({ code, id }) => [code, id]);

describe('planSync', () => {
  test('creates both if there is neither', () => {
    const created = plan([], []);
    expect(actions(created)).toEqual(['create', null, 'create', null]);
    expect(created.trunk.differences).toEqual([{ field: 'numbers', from: [], to: [number] }]);
    expect(created.rule.differences).toContainEqual({ field: 'agents', from: [], to: ['telephony-agent'] });
    expect(created.conflicts).toEqual([]);
    expect(isInSync(created)).toBe(false);
  });

  test('has nothing to do if everything matches', () => {
    const done = plan([trunk()], [rule()]);
    expect(actions(done)).toEqual(['keep', 'ST_1', 'keep', 'SDR_1']);
    expect(isInSync(done)).toBe(true);
    const foreign = [trunk({ id: 'ST_9', numbers: ['+4912345678'], metadata: '' })];
    expect(
      isInSync(plan([trunk(), ...foreign], [rule(), rule({ id: 'SDR_9', trunkIds: ['ST_9'], metadata: '' })])),
    ).toBe(true);
  });

  test('adds and removes numbers, regardless of their order', () => {
    const changed = plan([trunk({ numbers: [number, '+15559998888'] })], [rule()], {
      active: [second, number],
      recordedTrunkIds: ['ST_1'],
    });
    expect(actions(changed)).toEqual(['update', 'ST_1', 'keep', 'SDR_1']);
    expect(changed.trunk.differences).toEqual([
      { field: 'numbers', from: [number, '+15559998888'], to: [second, number] },
    ]);
    expect(isInSync(plan([trunk({ numbers: [second, number] })], [rule()], { active: [number, second] }))).toBe(true);
  });

  test.each<[string, Partial<SipRule>]>([
    ['trunks', { trunkIds: [] }],
    ['kind', { kind: 'direct' }],
    ['kind', { kind: 'individual, one room per caller' }],
    ['agents', { agents: ['other-agent'] }],
    ['agents', { agents: [] }],
    ['pin', { pin: '1234' }],
    ['callers', { callers: ['+15551234567'] }],
    ['dialed numbers', { dialed: [number] }],
    ['numbers', { hidesNumbers: true }],
  ])('repairs the %s of its rule', (field, over) => {
    const repaired = plan([trunk()], [rule(over)]);
    expect(actions(repaired)).toEqual(['keep', 'ST_1', 'update', 'SDR_1']);
    expect(repaired.rule.differences.map((difference) => difference.field)).toEqual([field]);
    expect(repaired.conflicts).toEqual([]);
  });

  test('reuses its rule after its trunk was deleted, and removes the deleted trunk from it', () => {
    const again = plan([], [rule()], { recordedTrunkIds: ['ST_1'] });
    expect(actions(again)).toEqual(['create', null, 'update', 'SDR_1']);
    expect(again.rule.otherTrunkIds).toEqual([]);
    const shared = plan(
      [trunk(), trunk({ id: 'ST_9', numbers: [], metadata: '' })],
      [rule({ trunkIds: ['ST_9', 'ST_1'] })],
    );
    expect(shared.rule).toMatchObject({ action: 'keep', otherTrunkIds: ['ST_9'] });
  });

  test('leaves the trunk of another installation in the same project alone', () => {
    const theirs = trunk({ id: 'ST_2', numbers: ['+15557770000'] });
    const both = plan([theirs], [rule({ id: 'SDR_2', trunkIds: ['ST_2'], metadata: ourRule.replace('ST_1', 'ST_2') })]);
    expect(actions(both)).toEqual(['create', null, 'create', null]);
    expect(both.conflicts).toEqual([]);
    expect(codes(plan([trunk({ id: 'ST_2', numbers: [number, '+15557770000'] })], []))).toEqual([
      ['number_taken', 'ST_2'],
    ]);
  });

  test('a number on a foreign trunk, in any notation', () => {
    const taken = plan([trunk({ id: 'ST_9', numbers: ['1 (858) 879-6658'], metadata: 'theirs' })], []);
    expect(codes(taken)).toEqual([['number_taken', 'ST_9']]);
    expect(taken.conflicts[0]?.message).toContain('LIVEKIT_INBOUND_TRUNK_ID=ST_9 and --adopt');
    expect(taken.conflicts[0]?.message).toContain(number);
  });

  test('a foreign trunk and its rule are adopted only on request, after the changes were shown', () => {
    const foreign = trunk({ numbers: ['+15559998888'], metadata: '{"owner":"sales"}' });
    const direct = rule({ kind: 'direct', agents: [], metadata: '' });
    const asked = { inboundTrunkId: 'ST_1' };
    const refused = plan([foreign], [direct], asked);
    expect(actions(refused)).toEqual(['adopt', 'ST_1', 'adopt', 'SDR_1']);
    expect(codes(refused)).toEqual([
      ['trunk_foreign', 'ST_1'],
      ['rule_foreign', 'SDR_1'],
    ]);
    const taken = plan([foreign], [direct], { ...asked, adopt: true });
    expect(taken.conflicts).toEqual([]);
    expect(taken.trunk.metadata).toEqual({ owner: 'sales', managedBy: 'telephony-agent' });
    expect(taken.trunk.differences.map(({ field }) => field)).toEqual(['numbers', 'managed by']);
    expect(taken.rule.differences.map(({ field }) => field)).toEqual(['kind', 'agents', 'managed by']);
  });

  test('--adopt alone adopts nothing', () => {
    expect(codes(plan([trunk({ metadata: '' })], [], { adopt: true }))).toEqual([['number_taken', 'ST_1']]);
    const foreignRule = rule({ metadata: '' });
    expect(codes(plan([trunk()], [foreignRule], { adopt: true }))).toEqual([['rule_foreign', 'SDR_1']]);
    expect(actions(plan([trunk()], [foreignRule], { adopt: true, inboundTrunkId: 'ST_1' }))).toEqual([
      'keep',
      'ST_1',
      'adopt',
      'SDR_1',
    ]);
  });

  test('a foreign rule beside ours, or two foreign rules, must be resolved by a person', () => {
    const pin = rule({ id: 'SDR_9', kind: 'direct', pin: '1234', metadata: '' });
    const named = { inboundTrunkId: 'ST_1', adopt: true };
    expect(codes(plan([trunk()], [rule(), pin], named))).toEqual([['rule_foreign', 'SDR_9']]);
    expect(codes(plan([trunk()], [rule({ metadata: '' }), pin], named))).toEqual([
      ['rule_foreign', 'SDR_1'],
      ['rule_foreign', 'SDR_9'],
    ]);
  });

  test('an unknown trunk id; a second trunk and a second rule of ours', () => {
    expect(codes(plan([], [], { inboundTrunkId: 'ST_gone' }))).toEqual([['trunk_missing', 'ST_gone']]);
    const missing = plan([trunk()], [rule()], { inboundTrunkId: 'ST_gone' });
    expect(codes(missing)).toEqual([['trunk_missing', 'ST_gone']]);
    expect(missing.conflicts[0]?.message).toContain('Set it to ST_1');
    const other = trunk({ id: 'ST_2', numbers: [second] });
    expect(codes(plan([trunk(), other], [rule()]))).toEqual([['trunk_second', 'ST_2']]);
    expect(codes(plan([trunk(), other], [], { inboundTrunkId: 'ST_2' }))).toEqual([['trunk_second', 'ST_1']]);
    expect(codes(plan([trunk()], [rule(), rule({ id: 'SDR_2', pin: '1' })]))).toEqual([['rule_second', 'SDR_2']]);
  });

  test('no active number: no trunk that would accept all calls', () => {
    expect(codes(plan([], [], { active: [] }))).toEqual([['no_numbers', null]]);
    expect(codes(plan([trunk()], [rule()], { active: [] }))).toEqual([['no_numbers', null]]);
  });

  test('addresses change only on request; notices', () => {
    const closed = trunk({ allowedAddresses: ['198.51.100.0/24'] });
    expect(isInSync(plan([closed], [rule()]))).toBe(true);
    expect(plan([closed], [rule()]).notices).toEqual([]);
    expect(plan([closed], [rule()], { allowedAddresses: [] }).trunk.differences).toEqual([
      { field: 'addresses', from: ['198.51.100.0/24'], to: [] },
    ]);
    const { notices } = plan(
      [trunk({ allowedCallers: ['+15551234567'] })],
      [rule(), rule({ id: 'SDR_9', trunkIds: [], metadata: '' })],
    );
    expect(notices).toEqual([
      expect.stringContaining('--allow twilio'),
      expect.stringContaining('+15551234567'),
      expect.stringContaining('SDR_9'),
    ]);
  });
});
