/**
 * Numbers as listed by their provider.
 *
 * Glossary
 *   owned number   a number in our provider account; it has a record here once it is imported
 *   sid            the provider's id of a number: PN…
 */
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

export type NumberType = 'LOCAL' | 'TOLL_FREE' | 'MOBILE';

export type Capabilities = Readonly<{ voice: boolean; sms: boolean; mms: boolean; fax: boolean }>;

export type OwnedNumber = Readonly<{
  sid: string;
  /** In E.164. */
  number: string;
  type: NumberType;
  capabilities: Capabilities;
  /** The SIP trunk that the number is on (TK…). */
  trunkSid: string | null;
  /** The webhook that the provider calls for instructions; empty: none. */
  voiceUrl: string;
  /** The application that the number is in (AP…). */
  voiceApplicationSid: string | null;
  purchasedAt: Date | null;
}>;

/**
 * The type of a number, as stated by the provider ("toll-free", "mobile", "local", "national"), otherwise derived from the number.
 * North American mobile numbers are indistinguishable from local ones, and count as local.
 */
export const numberType = (number: string, providerType: string | null): NumberType => {
  const word = (providerType ?? '').toLowerCase().replaceAll(/[^a-z]/g, '');
  if (word === 'tollfree') return 'TOLL_FREE';
  if (word === 'mobile') return 'MOBILE';
  if (word === 'local' || word === 'national') return 'LOCAL';
  const type = parsePhoneNumberFromString(number)?.getType();
  if (type === 'TOLL_FREE') return 'TOLL_FREE';
  return type === 'MOBILE' ? 'MOBILE' : 'LOCAL';
};
