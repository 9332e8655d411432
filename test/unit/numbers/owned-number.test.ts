import { expect, test } from 'vitest';
import { numberType } from '#src/numbers/owned-number.ts';

test.each([
  ['+18588796658', null, 'LOCAL'],
  ['+18005550100', null, 'TOLL_FREE'],
  ['+448001111111', null, 'TOLL_FREE'],
  ['+447911123456', null, 'MOBILE'],
  ['+4915112345678', null, 'MOBILE'],
  ['+493012345678', null, 'LOCAL'],
  ['+15551234567', null, 'LOCAL'], // possible, not assigned
  ['+18588796658', 'mobile', 'MOBILE'],
  ['+18588796658', 'Toll Free', 'TOLL_FREE'],
  ['+447911123456', 'national', 'LOCAL'],
  ['+447911123456', 'something new', 'MOBILE'],
] as const)('%s, which the provider calls %s, is %s', (number, word, type) => {
  expect(numberType(number, word)).toBe(type);
});
