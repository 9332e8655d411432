/**
 * Our side of Twilio's REST API. It can list, create and change; nothing here buys or deletes.
 *
 * Glossary
 *   trunk         an Elastic SIP trunk (TK…): the calls of its numbers go to its origination URLs
 *   origination   one such URL (OU…): a SIP address, asked in the order of priority, shared out by weight
 */
import twilio from 'twilio';
import { numberType, type OwnedNumber } from '../numbers/owned-number.ts';
import { withTwilioErrors } from './refusals.ts';
import { Transport, type TransportOptions } from './transport.ts';

export type Trunk = Readonly<{ sid: string; name: string }>;

export type Origination = Readonly<{
  sid: string;
  sipUri: string;
  priority: number;
  weight: number;
  enabled: boolean;
}>;

/** Its functions throw AppError `twilio_refused` or `twilio_unavailable`, with a sentence for an operator. */
export type Twilio = Readonly<{
  /** Whose numbers and trunks these are (AC…). */
  accountSid: string;
  /** All numbers of the account, however many pages they fill. */
  listNumbers: () => Promise<OwnedNumber[]>;
  listTrunks: () => Promise<Trunk[]>;
  createTrunk: (name: string) => Promise<Trunk>;
  listOriginations: (trunkSid: string) => Promise<Origination[]>;
  createOrigination: (trunkSid: string, origination: Omit<Origination, 'sid'>) => Promise<void>;
  changeOrigination: (trunkSid: string, sid: string, change: Partial<Omit<Origination, 'sid'>>) => Promise<void>;
  /** Lets the calls of a number (PN…) go to a trunk, and empties its Voice URL: one request, so never half done. */
  attachNumber: (sid: string, trunkSid: string) => Promise<void>;
}>;

type Sdk = ReturnType<typeof twilio>;

const pageSize = 200;
const defaultLimits: Omit<TransportOptions, 'baseUrl'> = { timeoutMs: 10_000, maxRetries: 4, maxWaitMs: 20_000 };

/**
 * A client of the account. Connects to nothing by itself.
 * @param account `baseUrl` null means Twilio's own addresses
 * @param limits over the standard ones: 10 s a request, 4 more attempts at most when Twilio says "too many requests"
 */
export const openTwilio = (
  account: Readonly<{ accountSid: string; authToken: string; baseUrl: string | null }>,
  limits: Partial<Omit<TransportOptions, 'baseUrl'>> = {},
): Twilio => {
  const options = { ...defaultLimits, ...limits, baseUrl: account.baseUrl };
  const sdk = twilio(account.accountSid, account.authToken, { httpClient: new Transport(options) });
  const ask = <T>(what: string, request: Promise<T>) => withTwilioErrors(what, options.timeoutMs, request);
  return {
    accountSid: account.accountSid,
    listNumbers: async () =>
      (await ask('list the numbers', sdk.incomingPhoneNumbers.list({ pageSize }))).map(ownedNumberOf),
    listTrunks: async () => (await ask('list the trunks', sdk.trunking.v1.trunks.list({ pageSize }))).map(trunkOf),
    createTrunk: async (name) =>
      trunkOf(await ask('create a trunk', sdk.trunking.v1.trunks.create({ friendlyName: name }))),
    attachNumber: async (sid, trunkSid) => {
      const change = { trunkSid, voiceUrl: '' };
      await ask(`attach the number ${sid}`, sdk.incomingPhoneNumbers(sid).update(change));
    },
    ...originations(sdk, ask),
  };
};

const originations = (sdk: Sdk, ask: <T>(what: string, request: Promise<T>) => Promise<T>) => {
  const urls = (trunkSid: string) => sdk.trunking.v1.trunks(trunkSid).originationUrls;
  return {
    listOriginations: async (trunkSid) =>
      (await ask(`list the origination URLs of ${trunkSid}`, urls(trunkSid).list({ pageSize }))).map(originationOf),
    createOrigination: async (trunkSid, { sipUri, ...rest }) => {
      const url = { friendlyName: 'LiveKit', sipUrl: sipUri, ...rest };
      await ask(`create an origination URL of ${trunkSid}`, urls(trunkSid).create(url));
    },
    changeOrigination: async (trunkSid, sid, { sipUri, ...rest }) => {
      const change = { ...rest, ...(sipUri !== undefined && { sipUrl: sipUri }) };
      await ask(`change the origination URL ${sid}`, urls(trunkSid)(sid).update(change));
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

/** Where the SDK's types promise a text, Twilio may send null, or nothing. */
const textOrNull = (value: string | null | undefined): string | null => (value == null || value === '' ? null : value);

/** The SDK passes on as text what it cannot read as a date. */
const dateOrNull = (value: Date | string | null | undefined): Date | null => {
  const date = new Date(value ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
};

/** Some of Twilio's resources spell them SMS and MMS. */
const capabilitiesOf = (listed: object | null | undefined): OwnedNumber['capabilities'] => {
  const has = new Set(
    Object.entries(listed ?? {})
      .filter(([, value]) => value === true)
      .map(([name]) => name.toLowerCase()),
  );
  return { voice: has.has('voice'), sms: has.has('sms'), mms: has.has('mms'), fax: has.has('fax') };
};
