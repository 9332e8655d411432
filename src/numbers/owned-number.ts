/**
 * Numbers as their provider lists them.
 *
 * Glossary
 *   owned number   a number that our account at the provider pays for; it has a record of ours once it was imported
 *   sid            the provider's name of it: PN…
 */
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

export type NumberType = 'LOCAL' | 'TOLL_FREE' | 'MOBILE';

/** What a number can be used for. */
export type Capabilities = Readonly<{ voice: boolean; sms: boolean; mms: boolean; fax: boolean }>;

export type OwnedNumber = Readonly<{
  sid: string;
  /** E.164, as the provider writes it. */
  number: string;
  type: NumberType;
  capabilities: Capabilities;
  /** The SIP trunk that its calls go to (TK…). */
  trunkSid: string | null;
  /** Which web address is asked what to do with its calls; empty for none. */
  voiceUrl: string;
  /** The application that its calls go to (AP…). */
  voiceApplicationSid: string | null;
  purchasedAt: Date | null;
}>;

/**
 * The type of a number: what the provider calls it ("toll-free", "mobile", "local", "national"), where it says something that
 * we know; else what the number itself tells. In North America mobile numbers look like local ones, and are taken for these.
 */
export const numberType = (number: string, providersWord: string | null): NumberType => {
  const word = (providersWord ?? '').toLowerCase().replaceAll(/[^a-z]/g, '');
  if (word === 'tollfree') return 'TOLL_FREE';
  if (word === 'mobile') return 'MOBILE';
  if (word === 'local' || word === 'national') return 'LOCAL';
  const type = parsePhoneNumberFromString(number)?.getType();
  if (type === 'TOLL_FREE') return 'TOLL_FREE';
  return type === 'MOBILE' ? 'MOBILE' : 'LOCAL';
};
