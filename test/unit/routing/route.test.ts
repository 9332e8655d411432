import { describe, expect, test } from 'vitest';
import { decide, type RouteFacts, type RouteQuery } from '#src/routing/route.ts';
import { objectWith } from '#test/support/matchers.ts';

const query: RouteQuery = {
  trunkId: null,
  inboundTrunkId: null,
  fallbackAgent: 'telephony-agent',
  limits: { perCallerPerMinute: 0, perTenant: 0 },
  busy: null,
};
const campaign = {
  id: 'c',
  name: 'Front desk',
  status: 'active',
  versionId: null,
  agentName: null,
  maxConcurrent: 3,
  openCalls: 0,
};
const facts: RouteFacts = {
  number: { id: 'n', number: '+18588796658', isActive: true, livekitTrunkId: null },
  tenant: { id: 't', name: 'Dental', isActive: true, openCalls: 4, callersCalls: 2 },
  campaign,
  defaultAgent: 'house-agent',
};

const reject = (reason: string) => objectWith({ kind: 'reject', reason });
const accept = (agentName: string) => objectWith({ kind: 'accept', agentName });

describe('decide', () => {
  test("chooses the campaign's agent, else the tenant's default, else the fallback", () => {
    expect(decide(query, { ...facts, campaign: { ...campaign, agentName: 'sales' } })).toEqual(accept('sales'));
    expect(decide(query, facts)).toEqual(accept('house-agent'));
    expect(decide(query, { ...facts, defaultAgent: null })).toEqual(accept('telephony-agent'));
    expect(decide(query, { ...facts, campaign: null })).toEqual(accept('house-agent'));
  });

  test('rejects a caller or a tenant over the limits, if there are any', () => {
    const limited = (perCallerPerMinute: number, perTenant: number) =>
      decide({ ...query, limits: { perCallerPerMinute, perTenant } }, facts);
    expect(limited(3, 5)).toEqual(accept('house-agent'));
    expect(limited(2, 5)).toEqual(reject('caller_limit'));
    expect(limited(3, 4)).toEqual(reject('tenant_full'));
    expect(limited(0, 0)).toEqual(accept('house-agent'));
  });

  test('rejects what is unknown or inactive', () => {
    expect(decide(query, null)).toEqual(reject('number_unknown'));
    expect(decide(query, { ...facts, number: { ...facts.number, isActive: false } })).toEqual(
      reject('number_inactive'),
    );
    expect(decide(query, { ...facts, tenant: { ...facts.tenant, isActive: false } })).toEqual(
      reject('tenant_inactive'),
    );
    for (const status of ['draft', 'paused', 'archived'])
      expect(decide(query, { ...facts, campaign: { ...campaign, status } })).toEqual(reject('campaign_inactive'));
  });

  test('a campaign is full at maxConcurrent open calls', () => {
    expect(decide(query, { ...facts, campaign: { ...campaign, openCalls: 2 } })).toEqual(accept('house-agent'));
    expect(decide(query, { ...facts, campaign: { ...campaign, openCalls: 3 } })).toEqual(reject('campaign_full'));
  });

  test("checks first that the trunk is the inbound trunk or the number's own", () => {
    const own = { ...facts, number: { ...facts.number, livekitTrunkId: 'ST_own' } };
    const ask = { ...query, inboundTrunkId: 'ST_inbound' };
    expect(decide({ ...ask, trunkId: 'ST_inbound' }, own)).toEqual(accept('house-agent'));
    expect(decide({ ...ask, trunkId: 'ST_own' }, own)).toEqual(accept('house-agent'));
    expect(decide({ ...ask, trunkId: 'ST_other' }, own)).toEqual(reject('wrong_trunk'));
    expect(decide({ ...ask, trunkId: 'ST_other' }, null)).toEqual(reject('wrong_trunk'));
    expect(decide({ ...ask, trunkId: null }, own)).toEqual(accept('house-agent'));
    expect(decide({ ...query, trunkId: 'ST_any' }, own)).toEqual(accept('house-agent'));
  });

  test('checks last whether the service is busy', () => {
    expect(decide({ ...query, busy: '3 of 3 calls are open' }, facts)).toEqual(reject('busy'));
    expect(decide({ ...query, busy: '3 of 3 calls are open' }, null)).toEqual(reject('number_unknown'));
  });

  test('gives every reason', () => {
    expect(decide(query, facts).reasons).toEqual([
      'number n of tenant Dental',
      'campaign Front desk',
      "the tenant's default agent: house-agent",
    ]);
  });
});
