import { describe, expect, test } from 'vitest';
import { callerOf, isAnonymous, toE164 } from '#src/numbers/number.ts';

describe('toE164', () => {
  test.each([
    ['(858) 879-6658', 'US', '+18588796658'],
    ['858.879.6658', 'US', '+18588796658'],
    ['18588796658', 'US', '+18588796658'],
    ['+1 858 879 6658', 'DE', '+18588796658'],
    ['011 49 30 901820', 'US', '+4930901820'],
    ['030 901820', 'DE', '+4930901820'],
    ['sip:+18588796658@example.pstn.twilio.com', 'US', '+18588796658'],
    ['+15551234567', 'US', '+15551234567'],
  ] as const)('%s in %s is %s', (number, country, expected) => {
    expect(toE164(number, country)).toBe(expected);
  });

  test.each(['', 'anonymous', '12', '+1', 'call me'])('%j is no number', (number) => {
    expect(toE164(number, 'US')).toBeNull();
  });
});

describe('callerOf', () => {
  test.each([
    '',
    '  ',
    'anonymous',
    'Anonymous',
    'Restricted',
    'UNAVAILABLE',
    'sip:anonymous@anonymous.invalid',
    '+266696687',
  ])('%j is anonymous, and a caller of its own', (from) => {
    expect(callerOf(from, 'SIP-1', 'US')).toBe('anonymous:SIP-1');
    expect(isAnonymous(callerOf(from, 'SIP-1', 'US'))).toBe(true);
  });

  test('is kept in E.164 where possible, else as it came', () => {
    expect(callerOf('(555) 123-4567', 'SIP-1', 'US')).toBe('+15551234567');
    expect(callerOf(' 4711 ', 'SIP-1', 'US')).toBe('4711');
    expect(callerOf('alice', 'SIP-1', 'US')).toBe('alice');
  });
});
