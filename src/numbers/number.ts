/**
 * Telephone numbers.
 *
 * Glossary
 *   E.164       "+15551234567": how every number is kept and compared
 *   possible    of the right length for its country: what we accept (+15551234567 is possible, but not assigned)
 *   anonymous   a caller who withholds the number; every such call has a caller of its own
 */
import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js';

/** `number` in E.164, or null where it isn't a possible number. National formats are read as of `country`. */
export const toE164 = (number: string, country: CountryCode): string | null => {
  const parsed = parsePhoneNumberFromString(number.replace(/^(sips?|tel):/i, '').replace(/[@;].*$/, ''), country);
  return parsed?.isPossible() === true ? parsed.number : null;
};

const anonymousWords = new Set([
  ...['', 'anonymous', 'restricted', 'private', 'unknown', 'unavailable', 'blocked', 'withheld', 'none'],
  // The same words on a telephone's keys, as Twilio sends them: ANONYMOUS, RESTRICTED, UNAVAILABLE, UNKNOWN, BLOCKED
  // (https://help.twilio.com/articles/223179988).
  ...['266696687', '7378742833', '86282452253', '8656696', '2562533'],
]);

/** What a caller is kept under: E.164, else the number as it came, else `anonymous:<callSid>`. */
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

/** Whether a caller as kept (see callerOf) withheld the number. */
export const isAnonymous = (caller: string): boolean => caller.startsWith('anonymous:');
