/**
 * Phone numbers.
 *
 * Glossary
 *   E.164       the format in which numbers are stored and compared: "+15551234567"
 *   possible    of a valid length for its country; this is what we accept (+15551234567 is possible, but not valid)
 *   anonymous   a caller with a withheld number; each such call counts as a caller of its own
 */
import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js';

/** `number` in E.164, or null if it isn't a possible number. National formats are parsed as numbers of `country`. */
export const toE164 = (number: string, country: CountryCode): string | null => {
  const parsed = parsePhoneNumberFromString(number.replace(/^(sips?|tel):/i, '').replace(/[@;].*$/, ''), country);
  return parsed?.isPossible() === true ? parsed.number : null;
};

const anonymousWords = new Set([
  ...['', 'anonymous', 'restricted', 'private', 'unknown', 'unavailable', 'blocked', 'withheld', 'none'],
  // Words spelled on a phone keypad, as sent by Twilio: ANONYMOUS, RESTRICTED, UNAVAILABLE, UNKNOWN, BLOCKED
  // (https://help.twilio.com/articles/223179988).
  ...['266696687', '7378742833', '86282452253', '8656696', '2562533'],
]);

/** The key that identifies a caller: the number in E.164 if possible, otherwise as received; `anonymous:<callSid>` if withheld. */
export const callerOf = (from: string, callSid: string, country: CountryCode): string => {
  const trimmed = from.trim();
  const word = trimmed
    .replace(/^(sips?|tel):/i, '')
    .replace(/@.*$/, '')
    .replace(/^\+1?(?=\d{7,11}$)/, (plus) => (anonymousWords.has(trimmed.slice(1)) ? plus : ''));
  const bare = word.replace(/^\+/, '').toLowerCase();
  if (anonymousWords.has(bare)) return `anonymous:${callSid}`;
  return toE164(trimmed, country) ?? trimmed;
};

/** Whether a caller, as returned by `callerOf`, withheld the number. */
export const isAnonymous = (caller: string): boolean => caller.startsWith('anonymous:');
