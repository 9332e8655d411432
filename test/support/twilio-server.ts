/**
 * A loopback server that speaks as much of Twilio's REST API as we use: an account's numbers (2010-04-01), Elastic SIP trunks with
 * their origination URLs (trunking v1), Basic auth, paging by token, Twilio's errors. What would buy or delete is refused and
 * remembered. As at Twilio, the next page of a trunk's resources is named with Twilio's own address.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export type FakeNumber = {
  sid: string;
  phone_number: string;
  friendly_name: string;
  type?: string;
  capabilities: Record<string, boolean>;
  trunk_sid: string | null;
  voice_url: string | null;
  voice_application_sid: string | null;
  date_created: string;
};
export type FakeOrigination = {
  sid: string;
  trunk_sid: string;
  sip_url: string;
  friendly_name: string;
  priority: number;
  weight: number;
  enabled: boolean;
};
export type FakeTrunk = { sid: string; friendly_name: string };

/** What a request gets instead of a regular response: a status with headers and body, nothing at all, or a closed socket. */
export type Fault =
  { status: number; headers?: Record<string, string>; body?: string } | { hangs: true } | { breaks: true };

export type TwilioServer = AsyncDisposable & {
  readonly baseUrl: string;
  readonly accountSid: string;
  readonly authToken: string;
  /** The environment variables of a command that talks to it. */
  readonly env: Readonly<Record<'TWILIO_ACCOUNT_SID' | 'TWILIO_AUTH_TOKEN' | 'TWILIO_BASE_URL', string>>;
  numbers: FakeNumber[];
  trunks: FakeTrunk[];
  originations: FakeOrigination[];
  /** Every request as "GET /v1/Trunks", in order. */
  requests: string[];
  /** The requests that changed something, in order, with the fields that were sent. */
  writes: { request: string; fields: Record<string, string> }[];
  /** Used up one by one, before anything else. */
  faults: Fault[];
  /** What a request ("POST /v1/Trunks") gets instead of a regular response, every time; null: the regular one. */
  failOn: (request: string) => Fault | null;
  addNumber: (number: string, more?: Partial<FakeNumber>) => FakeNumber;
  addTrunk: (name: string) => FakeTrunk;
  addOrigination: (trunk: FakeTrunk, sipUrl: string, more?: Partial<FakeOrigination>) => FakeOrigination;
};

type Reply = { status: number; body: unknown };
type Call = { method: string; path: string; query: URLSearchParams; fields: Record<string, string> };

const trunkingHost = 'https://trunking.twilio.com';

const failure = (status: number, code: number, message: string): Reply => ({
  status,
  body: { status, code, message, more_info: `https://www.twilio.com/docs/errors/${code}` },
});
const notFound = (path: string): Reply => failure(404, 20404, `The requested resource ${path} was not found`);

/** Starts the server on a free port of 127.0.0.1. It puts at most `maxPageSize` records on a page, whatever is requested. */
export const startTwilioServer = async (options: { maxPageSize?: number } = {}): Promise<TwilioServer> => {
  const server = createServer((request, response) => {
    answer(request, response, state).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const state = newState(`http://127.0.0.1:${address.port}`, options.maxPageSize ?? 1000, async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return state;
};

type State = TwilioServer & { maxPageSize: number };

const newState = (baseUrl: string, maxPageSize: number, close: () => Promise<void>): State => {
  let count = 0;
  const sid = (prefix: string) => prefix + (++count).toString(16).padStart(32, '0');
  const accountSid = 'AC0123456789abcdef0123456789abcdef';
  const authToken = 'the-token-of-the-test-account';
  const state: State = {
    baseUrl,
    accountSid,
    authToken,
    maxPageSize,
    env: { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken, TWILIO_BASE_URL: baseUrl },
    numbers: [],
    trunks: [],
    originations: [],
    requests: [],
    writes: [],
    faults: [],
    failOn: () => null,
    addNumber: (number, more) => {
      const added = { ...bareNumber(sid('PN'), number), ...more };
      state.numbers.push(added);
      return added;
    },
    addTrunk: (name) => {
      const added = { sid: sid('TK'), friendly_name: name };
      state.trunks.push(added);
      return added;
    },
    addOrigination: (trunk, sipUrl, more) => {
      const bare = { friendly_name: 'Another', priority: 10, weight: 10, enabled: true };
      const added = { ...bare, sid: sid('OU'), trunk_sid: trunk.sid, sip_url: sipUrl, ...more };
      state.originations.push(added);
      return added;
    },
    [Symbol.asyncDispose]: close,
  };
  return state;
};

/** A number as Twilio sells it: with voice and SMS, and a demo at its Voice URL. */
const bareNumber = (sid: string, number: string): FakeNumber => ({
  sid,
  phone_number: number,
  friendly_name: number,
  capabilities: { voice: true, sms: true, mms: true, fax: false },
  trunk_sid: null,
  voice_url: 'https://demo.twilio.com/welcome/voice/',
  voice_application_sid: null,
  date_created: 'Tue, 07 Oct 2025 15:30:00 +0000',
});

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

const send = (response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(body);
};

const answer = async (request: IncomingMessage, response: ServerResponse, state: State): Promise<void> => {
  const url = new URL(request.url ?? '/', state.baseUrl);
  const method = request.method ?? 'GET';
  const body = await bodyOf(request);
  const name = `${method} ${url.pathname}`;
  state.requests.push(name);
  const fault = state.faults.shift() ?? state.failOn(name);
  if (fault !== null && 'hangs' in fault) return;
  if (fault !== null && 'breaks' in fault) return void request.socket.destroy();
  if (fault !== null) return send(response, fault.status, fault.body ?? '{}', fault.headers);
  const secret = Buffer.from(`${state.accountSid}:${state.authToken}`).toString('base64');
  const fields = Object.fromEntries(new URLSearchParams(body));
  const call = { method, path: url.pathname, query: url.searchParams, fields };
  const reply =
    request.headers.authorization === `Basic ${secret}` ? route(state, call) : failure(401, 20003, 'Authenticate');
  if (method !== 'GET' && reply.status < 300) state.writes.push({ request: name, fields });
  send(response, reply.status, JSON.stringify(reply.body));
};

const route = (state: State, call: Call): Reply => {
  const numbers = /^\/2010-04-01\/Accounts\/(AC\w+)\/IncomingPhoneNumbers(?:\/(PN\w+))?\.json$/.exec(call.path);
  if (numbers !== null)
    return numbers[1] === state.accountSid ? routeNumbers(state, call, numbers[2]) : notFound(call.path);
  const trunks = /^\/v1\/Trunks(?:\/(TK\w+)(?:\/OriginationUrls(?:\/(OU\w+))?)?)?$/.exec(call.path);
  if (trunks === null) return notFound(call.path);
  const [, trunkSid, originationSid] = trunks;
  if (trunkSid === undefined) return routeTrunks(state, call);
  const trunk = state.trunks.find(({ sid }) => sid === trunkSid);
  if (trunk === undefined) return notFound(call.path);
  if (!call.path.includes('/OriginationUrls')) return call.method === 'GET' ? ok(trunk) : forbidden(call);
  return originationSid === undefined
    ? routeOriginations(state, call, trunk)
    : routeOrigination(state, call, trunk, originationSid);
};

const ok = (body: unknown): Reply => ({ status: 200, body });
const created = (body: unknown): Reply => ({ status: 201, body });
/** Buying a number or deleting anything, which none of our commands does. */
const forbidden = (call: Call): Reply => failure(405, 20004, `${call.method} ${call.path} is not allowed here`);

const routeNumbers = (state: State, call: Call, sid: string | undefined): Reply => {
  if (sid === undefined) return call.method === 'GET' ? ok(numberPage(state, call)) : forbidden(call);
  const number = state.numbers.find((candidate) => candidate.sid === sid);
  if (number === undefined) return notFound(call.path);
  if (call.method === 'GET') return ok(number);
  if (call.method !== 'POST') return forbidden(call);
  const { TrunkSid: trunkSid, VoiceUrl: voiceUrl } = call.fields;
  if (trunkSid !== undefined && trunkSid !== '' && !state.trunks.some((trunk) => trunk.sid === trunkSid))
    return failure(400, 21609, `Invalid TrunkSid ${trunkSid} for ${number.phone_number}`);
  if (trunkSid !== undefined) Object.assign(number, { trunk_sid: trunkSid || null, voice_application_sid: null });
  if (voiceUrl !== undefined) number.voice_url = voiceUrl;
  return ok(number);
};

const routeTrunks = (state: State, call: Call): Reply => {
  if (call.method === 'GET') return ok(trunkingPage(state, call, 'trunks', state.trunks));
  return call.method === 'POST' ? created(state.addTrunk(call.fields.FriendlyName ?? '')) : forbidden(call);
};

const routeOriginations = (state: State, call: Call, trunk: FakeTrunk): Reply => {
  const own = state.originations.filter(({ trunk_sid }) => trunk_sid === trunk.sid);
  if (call.method === 'GET') return ok(trunkingPage(state, call, 'origination_urls', own));
  if (call.method !== 'POST') return forbidden(call);
  const missing = ['SipUrl', 'FriendlyName', 'Priority', 'Weight', 'Enabled'].filter((name) => !call.fields[name]);
  if (missing.length > 0) return failure(400, 20001, `Missing required parameter ${missing.join()} in the post body`);
  return created(state.addOrigination(trunk, call.fields.SipUrl ?? '', originationFields(call.fields)));
};

const routeOrigination = (state: State, call: Call, trunk: FakeTrunk, sid: string): Reply => {
  const own = state.originations.find((candidate) => candidate.sid === sid && candidate.trunk_sid === trunk.sid);
  if (own === undefined) return notFound(call.path);
  if (call.method === 'GET') return ok(own);
  return call.method === 'POST' ? ok(Object.assign(own, originationFields(call.fields))) : forbidden(call);
};

const originationFields = (fields: Record<string, string>): Partial<FakeOrigination> => ({
  ...(fields.SipUrl !== undefined && { sip_url: fields.SipUrl }),
  ...(fields.FriendlyName !== undefined && { friendly_name: fields.FriendlyName }),
  ...(fields.Priority !== undefined && { priority: Number(fields.Priority) }),
  ...(fields.Weight !== undefined && { weight: Number(fields.Weight) }),
  ...(fields.Enabled !== undefined && { enabled: fields.Enabled === 'true' }),
});

/** One page, from the record after the token's; `next` is the query of the following page. */
const pageOf = <T extends { sid: string }>(state: State, { query }: Call, all: readonly T[]) => {
  const size = Math.min(Number(query.get('PageSize') ?? 50), state.maxPageSize);
  const token = query.get('PageToken');
  const page = Number(query.get('Page') ?? 0);
  const start = token === null ? 0 : all.findIndex(({ sid }) => `PA${sid}` === token) + 1;
  const records = all.slice(start, start + size);
  const last = records.at(-1);
  const hasMore = last !== undefined && start + size < all.length;
  return { size, page, records, next: hasMore ? `?PageSize=${size}&Page=${page + 1}&PageToken=PA${last.sid}` : null };
};

const numberPage = (state: State, call: Call): unknown => {
  const { size, page, records, next } = pageOf(state, call, state.numbers);
  return {
    incoming_phone_numbers: records,
    page,
    page_size: size,
    uri: call.path,
    first_page_uri: `${call.path}?PageSize=${size}&Page=0`,
    previous_page_uri: null,
    next_page_uri: next === null ? null : call.path + next,
  };
};

const trunkingPage = (state: State, call: Call, key: string, all: readonly { sid: string }[]): unknown => {
  const { size, page, records, next } = pageOf(state, call, all);
  const url = trunkingHost + call.path;
  return {
    [key]: records,
    meta: {
      key,
      page,
      page_size: size,
      url,
      first_page_url: `${url}?PageSize=${size}&Page=0`,
      previous_page_url: null,
      next_page_url: next === null ? null : url + next,
    },
  };
};
