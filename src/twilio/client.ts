/**
 * A client of Twilio's REST API that lists, creates and updates. It cannot buy or delete anything.
 *
 * Glossary
 *   trunk         an Elastic SIP trunk (TK…), which sends the calls of its numbers to its origination URLs
 *   origination   an origination URL (OU…): a SIP address. The lowest priority number is tried first; weight splits equal priorities
 */
import twilio from 'twilio';
import { numberType, type OwnedNumber } from '../numbers/owned-number.ts';
import { withTwilioErrors } from './request-errors.ts';
import { Transport, type TransportOptions } from './transport.ts';

export type Trunk = Readonly<{ sid: string; name: string }>;

export type Origination = Readonly<{
  sid: string;
  sipUri: string;
  priority: number;
  weight: number;
  enabled: boolean;
}>;

/** All functions throw AppError `twilio_refused` or `twilio_unavailable`, with a message for an operator. */
export type Twilio = Readonly<{
  /** AC… */
  accountSid: string;
  /** All numbers of the account, from all pages. */
  listNumbers: () => Promise<OwnedNumber[]>;
  listTrunks: () => Promise<Trunk[]>;
  createTrunk: (name: string) => Promise<Trunk>;
  listOriginations: (trunkSid: string) => Promise<Origination[]>;
  createOrigination: (trunkSid: string, origination: Omit<Origination, 'sid'>) => Promise<void>;
  changeOrigination: (trunkSid: string, sid: string, change: Partial<Omit<Origination, 'sid'>>) => Promise<void>;
  /** Moves a number (PN…) to a trunk and clears its Voice URL, in one request. */
  attachNumber: (sid: string, trunkSid: string) => Promise<void>;
}>;

type Sdk = ReturnType<typeof twilio>;

const pageSize = 200;
const defaultLimits: Omit<TransportOptions, 'baseUrl'> = { timeoutMs: 10_000, maxRetries: 4, maxWaitMs: 20_000 };

/**
 * A client for an account. Doesn't connect by itself.
 * @param account `baseUrl` null: Twilio's own addresses
 * @param limits override the defaults: 10 s per request, and up to 4 retries after "too many requests"
 */
export const openTwilio = (
  account: Readonly<{ accountSid: string; authToken: string; baseUrl: string | null }>,
  limits: Partial<Omit<TransportOptions, 'baseUrl'>> = {},
): Twilio => {
  const options = { ...defaultLimits, ...limits, baseUrl: account.baseUrl };
  const sdk = twilio(account.accountSid, account.authToken, { httpClient: new Transport(options) });
  const request = <T>(action: string, promise: Promise<T>) => withTwilioErrors(action, options.timeoutMs, promise);
  return {
    accountSid: account.accountSid,
    listNumbers: async () =>
      (await request('list the numbers', sdk.incomingPhoneNumbers.list({ pageSize }))).map(ownedNumberOf),
    listTrunks: async () => (await request('list the trunks', sdk.trunking.v1.trunks.list({ pageSize }))).map(trunkOf),
    createTrunk: async (name) =>
      trunkOf(await request('create a trunk', sdk.trunking.v1.trunks.create({ friendlyName: name }))),
    attachNumber: async (sid, trunkSid) => {
      const change = { trunkSid, voiceUrl: '' };
      await request(`attach number ${sid}`, sdk.incomingPhoneNumbers(sid).update(change));
    },
    ...originations(sdk, request),
  };
};

const originations = (sdk: Sdk, request: <T>(action: string, promise: Promise<T>) => Promise<T>) => {
  const urls = (trunkSid: string) => sdk.trunking.v1.trunks(trunkSid).originationUrls;
  return {
    listOriginations: async (trunkSid) =>
      (await request(`list the origination URLs of trunk ${trunkSid}`, urls(trunkSid).list({ pageSize }))).map(
        originationOf,
      ),
    createOrigination: async (trunkSid, { sipUri, ...rest }) => {
      const url = { friendlyName: 'LiveKit', sipUrl: sipUri, ...rest };
      await request(`create an origination URL for trunk ${trunkSid}`, urls(trunkSid).create(url));
    },
    changeOrigination: async (trunkSid, sid, { sipUri, ...rest }) => {
      const change = { ...rest, ...(sipUri !== undefined && { sipUrl: sipUri }) };
      await request(`update origination URL ${sid}`, urls(trunkSid)(sid).update(change));
    },
  } satisfies Partial<Twilio>;
};

const trunkOf = ({ sid, friendlyName }: { sid: string; friendlyName: string | null }): Trunk => ({
  sid,
  name: friendlyName ?? '',
});

type SdkOrigination = Awaited<
  ReturnType<ReturnType<Sdk['trunking']['v1']['trunks']>['originationUrls']['list']>
>[number];

const originationOf = ({ sid, sipUrl, priority, weight, enabled }: SdkOrigination): Origination => ({
  sid,
  sipUri: sipUrl,
  priority,
  weight,
  enabled,
});

type SdkNumber = Awaited<ReturnType<Sdk['incomingPhoneNumbers']['list']>>[number];

const ownedNumberOf = (listed: SdkNumber): OwnedNumber => ({
  sid: listed.sid,
  number: listed.phoneNumber,
  type: numberType(listed.phoneNumber, listed.type),
  capabilities: capabilitiesOf(listed.capabilities),
  trunkSid: textOrNull(listed.trunkSid),
  voiceUrl: textOrNull(listed.voiceUrl) ?? '',
  voiceApplicationSid: textOrNull(listed.voiceApplicationSid),
  purchasedAt: dateOrNull(listed.dateCreated),
});

/** Twilio may send null, or omit fields that are strings in the SDK's types. */
const textOrNull = (value: string | null | undefined): string | null => (value == null || value === '' ? null : value);

/** The SDK returns dates that it cannot parse as strings. */
const dateOrNull = (value: Date | string | null | undefined): Date | null => {
  const date = new Date(value ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
};

/** Some of Twilio's resources use upper case: SMS, MMS. */
const capabilitiesOf = (listed: object | null | undefined): OwnedNumber['capabilities'] => {
  const has = new Set(
    Object.entries(listed ?? {})
      .filter(([, value]) => value === true)
      .map(([name]) => name.toLowerCase()),
  );
  return { voice: has.has('voice'), sms: has.has('sms'), mms: has.has('mms'), fax: has.has('fax') };
};
