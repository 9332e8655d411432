/** The requests of lists.ts: every list, each filter alone, and combinations that match much, little or nothing. */
import {
  calls,
  endOfTime,
  faultlessCampaign,
  frequentCaller,
  ids,
  leads,
  longestCall,
  oldDurations,
  phoneOf,
  rareDuration,
  startOfTime,
} from './seed.ts';

/** One kind of request: by the big tenant's owner, or with an API token of a tenant with some fifty calls. `path` returns the nth request. */
export type Shape = Readonly<{ name: string; tenant: 'big' | 'tiny'; path: (n: number) => string }>;

const day = 86_400_000;
const timeOf = (milliseconds: number): string => new Date(milliseconds).toISOString();
const longAgo = timeOf(startOfTime + 60 * day);
/** A week, a different one each time. */
const week = (n: number) => {
  const since = startOfTime + ((n * 37) % 500) * day;
  return { since: timeOf(since), until: timeOf(since + 7 * day) };
};
const big = {
  campaign: (n: number) => ids.campaign(0, n % 3),
  number: (n: number) => ids.number(0, n % 3, n % 2),
  /** A lead among all: of the big tenant in three of five cases, else of another and thus not found. */
  lead: (n: number) => (n * 7919) % leads,
};

type Query = Readonly<Record<string, string | number>>;
const list =
  (path: string, query: (n: number) => Query = () => ({})) =>
  (n: number): string =>
    `${path}?${new URLSearchParams(Object.entries(query(n)).map(([key, value]) => [key, String(value)])).toString()}`;

const shapesOf = (tenant: Shape['tenant'], paths: Readonly<Record<string, Shape['path']>>): Shape[] =>
  Object.entries(paths).map(([name, path]) => ({ name, tenant, path }));

const callFilters = {
  'calls: newest': () => ({}),
  'calls: newest, limit 100': () => ({ limit: 100 }),
  'calls: caller': (n) => ({ phone_number: phoneOf(big.lead(n)) }),
  'calls: caller that never called': (n) => ({ phone_number: `+1999${String(n).padStart(7, '0')}` }),
  'calls: frequent caller': () => ({ phone_number: phoneOf(frequentCaller) }),
  'calls: lead': (n) => ({ lead_id: ids.lead(big.lead(n)) }),
  'calls: frequent lead': () => ({ lead_id: ids.lead(frequentCaller) }),
  'calls: number': (n) => ({ phone_number_id: big.number(n) }),
  'calls: campaign': (n) => ({ campaign_id: big.campaign(n) }),
  "calls: another tenant's campaign": () => ({ campaign_id: ids.campaign(1, 0) }),
  "calls: another tenant's number": () => ({ phone_number_id: ids.number(1, 0, 0) }),
  'calls: completed': () => ({ status: 'completed' }),
  'calls: failed': () => ({ status: 'failed' }),
  'calls: in progress': () => ({ status: 'in_progress' }),
  'calls: since long ago': () => ({ since: longAgo }),
  'calls: until long ago': () => ({ until: longAgo }),
  'calls: a week': week,
  'calls: future': () => ({ since: timeOf(endOfTime + day) }),
  'calls: at least 10 min': () => ({ min_duration: 600 }),
  'calls: at most 10 s': () => ({ max_duration: 10 }),
  'calls: exactly 100 s': () => ({ min_duration: 100, max_duration: 100 }),
  'calls: rare duration': () => ({ min_duration: rareDuration }),
  'calls: duration of old calls only': () => ({ min_duration: oldDurations.least, max_duration: oldDurations.most }),
  'calls: no such duration': () => ({ min_duration: 100_000 }),
} satisfies Record<string, (n: number) => Query>;

const callCombinations = {
  'calls: campaign, failed': (n) => ({ campaign_id: big.campaign(n), status: 'failed' }),
  'calls: campaign, none failed': () => ({ campaign_id: ids.campaign(0, faultlessCampaign), status: 'failed' }),
  'calls: campaign, failed, duration': (n) => ({
    ...{ campaign_id: big.campaign(n), status: 'failed', min_duration: 20, max_duration: 30 },
  }),
  'calls: campaign, failed, no such duration': (n) => ({
    ...{ campaign_id: big.campaign(n), status: 'failed', min_duration: 5000, max_duration: 5100 },
  }),
  'calls: campaign, number of another': () => ({
    ...{ campaign_id: ids.campaign(0, 0), phone_number_id: ids.number(0, 1, 0) },
  }),
  'calls: campaign, its number, completed': (n) => ({
    ...{ campaign_id: ids.campaign(0, n % 3), phone_number_id: ids.number(0, n % 3, 0), status: 'completed' },
  }),
  'calls: campaign, a week': (n) => ({ campaign_id: big.campaign(n), ...week(n) }),
  'calls: campaign, a week, at least 20 min': (n) => ({ campaign_id: big.campaign(n), ...week(n), min_duration: 1200 }),
  'calls: campaign, duration of old calls only': (n) => ({
    ...{ campaign_id: big.campaign(n), min_duration: oldDurations.least, max_duration: oldDurations.most },
  }),
  'calls: campaign, rare duration': (n) => ({ campaign_id: big.campaign(n), min_duration: rareDuration }),
  'calls: number, failed': (n) => ({ phone_number_id: big.number(n), status: 'failed' }),
  'calls: number, failed, rare duration': (n) => ({
    ...{ phone_number_id: big.number(n), status: 'failed', min_duration: rareDuration },
  }),
  'calls: frequent caller, failed': () => ({ phone_number: phoneOf(frequentCaller), status: 'failed' }),
  'calls: frequent caller, another number': () => ({
    ...{ phone_number: phoneOf(frequentCaller), phone_number_id: ids.number(0, 7, 0) },
  }),
  'calls: rejected, with a duration': () => ({ status: 'rejected', min_duration: 1 }),
  'calls: failed, until long ago, duration': () => ({ status: 'failed', until: longAgo, min_duration: 1400 }),
  'calls: everything at once': (n) => ({
    ...{ ...week(n), campaign_id: big.campaign(n), phone_number_id: ids.number(0, n % 3, 0), status: 'completed' },
    ...{ min_duration: 10, max_duration: 20 },
  }),
} satisfies Record<string, (n: number) => Query>;

const leadFilters = {
  'leads: newest': () => ({}),
  'leads: campaign': (n) => ({ campaign_id: big.campaign(n) }),
  "leads: another tenant's campaign": () => ({ campaign_id: ids.campaign(1, 0) }),
  'leads: caller': (n) => ({ phone_number: phoneOf(big.lead(n)) }),
  'leads: new': () => ({ status: 'new' }),
  'leads: failed': () => ({ status: 'failed' }),
  'leads: calling (none)': () => ({ status: 'calling' }),
  'leads: campaign, failed': (n) => ({ campaign_id: big.campaign(n), status: 'failed' }),
  'leads: campaign, calling (none)': (n) => ({ campaign_id: big.campaign(n), status: 'calling' }),
  'leads: caller, campaign, new': (n) => ({
    ...{ phone_number: phoneOf(big.lead(n)), campaign_id: big.campaign(n), status: 'new' },
  }),
  'leads: archived': () => ({ is_archived: 'true' }),
  'leads: archived, calling (none)': () => ({ is_archived: 'true', status: 'calling' }),
  'leads: archived, campaign': (n) => ({ is_archived: 'true', campaign_id: big.campaign(n) }),
} satisfies Record<string, (n: number) => Query>;

const queries = (
  path: string,
  filters: Readonly<Record<string, (n: number) => Query>>,
): Record<string, Shape['path']> =>
  Object.fromEntries(Object.entries(filters).map(([name, query]) => [name, list(path, query)]));

export const shapes: readonly Shape[] = [
  ...shapesOf('big', queries('/calls', { ...callFilters, ...callCombinations })),
  ...shapesOf('big', queries('/leads', leadFilters)),
  ...shapesOf('big', {
    'a lead': () => `/leads/${ids.lead(frequentCaller)}`,
    'a call': (n) => `/calls/${ids.call(calls - 250 * (1 + (n % 19)))}`, // the frequent caller's that have turns
    'a call with 400 turns, 1000 events': () => `/calls/${ids.call(longestCall)}`,
    numbers: list('/phone-numbers'),
    "numbers: a campaign's": list('/phone-numbers', (n) => ({ campaign_id: big.campaign(n) })),
    'numbers: inactive (none)': list('/phone-numbers', () => ({ is_active: 'false' })),
    trunks: list('/platform-trunks'),
    campaigns: list('/campaigns'),
    'campaigns: archived (none)': list('/campaigns', () => ({ status: 'archived' })),
    "a campaign's versions": () => `/campaigns/${ids.campaign(0, 0)}/versions`,
    agents: list('/agents'),
    users: list('/users'),
    tokens: list('/tokens'),
  }),
  ...shapesOf('tiny', {
    'tiny tenant, calls: newest': list('/calls'),
    'tiny tenant, calls: failed': list('/calls', () => ({ status: 'failed' })),
    'tiny tenant, calls: at least 10 min': list('/calls', () => ({ min_duration: 600 })),
    'tiny tenant, calls: no such duration': list('/calls', () => ({ min_duration: 100_000 })),
    'tiny tenant, leads: new': list('/leads', () => ({ status: 'new' })),
    'tiny tenant, numbers': list('/phone-numbers'),
  }),
];

/** Lists that are read page by page: how far. */
export const readings: readonly Readonly<{ name: string; path: string; pages: number }>[] = [
  { name: 'calls: next pages, to the 500th', path: '/calls?limit=50', pages: 500 },
  {
    name: 'calls: next pages of a campaign',
    path: `/calls?limit=50&campaign_id=${ids.campaign(0, 0)}`,
    pages: 500,
  },
  { name: 'calls: next pages, failed', path: '/calls?limit=50&status=failed', pages: 100 },
  { name: 'calls: next pages, at least 20 min', path: '/calls?limit=50&min_duration=1200', pages: 100 },
  {
    name: 'calls: next pages, campaign, another number',
    path: `/calls?limit=50&campaign_id=${ids.campaign(0, 0)}&phone_number_id=${ids.number(0, 1, 0)}`,
    pages: 100,
  },
  { name: 'leads: next pages, to the 500th', path: '/leads?limit=50', pages: 500 },
];

const pageRows = 50;
/** The lists that find less than a page, or more. */
const otherRows: Readonly<Record<string, number | null>> = {
  ...Object.fromEntries(
    [
      ...['caller that never called', "another tenant's campaign", "another tenant's number", 'future'],
      ...['duration of old calls only', 'no such duration', 'campaign, none failed'],
      ...['campaign, failed, no such duration', 'campaign, number of another', 'campaign, duration of old calls only'],
      ...['number, failed, rare duration', 'frequent caller, another number', 'rejected, with a duration'],
      'next pages, campaign, another number',
    ].map((name) => [`calls: ${name}`, 0]),
  ),
  ...Object.fromEntries(
    [
      ...["another tenant's campaign", 'calling (none)', 'campaign, calling (none)', 'caller, campaign, new'],
      'archived, calling (none)',
    ].map((name) => [`leads: ${name}`, 0]),
  ),
  ...{ 'numbers: inactive (none)': 0, 'campaigns: archived (none)': 0, "a campaign's versions": 0 },
  'tiny tenant, calls: no such duration': 0,
  ...{ 'calls: newest, limit 100': 100, 'calls: caller': 6, 'calls: lead': 6, 'calls: in progress': 6 },
  ...{ 'calls: rare duration': 12, 'calls: campaign, rare duration': 5, 'leads: caller': 1 },
  ...{ numbers: 16, "numbers: a campaign's": 2, campaigns: 8, 'tiny tenant, numbers': 16 },
  ...{ 'tiny tenant, calls: failed': 1, 'tiny tenant, calls: at least 10 min': 6, 'tiny tenant, leads: new': 1 },
  ...{ 'a lead': null, 'a call': null, 'a call with 400 turns, 1000 events': null },
};

/** How many rows the first response has, or each page of a reading; null where it is no list. */
export const rowsExpected = (name: string): number | null => {
  const other = otherRows[name];
  return other === undefined ? pageRows : other;
};
