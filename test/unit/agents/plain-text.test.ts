import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainText } from '#agents/telephony/tts/plain-text.ts';

test.each([
  ['Of course, I can.', 'Of course, I can.'],
  ['**Of course,** I *can*.', 'Of course, I can.'],
  ['**Of course,', 'Of course,'],
  ['we are** open', 'we are open'],
  ['- Monday\n- Tuesday', 'Monday\nTuesday'],
  ['## Hours', 'Hours'],
  ['See [our page](https://example.com/a_b).', 'See our page.'],
  ['Great! 😀👍🏽', 'Great!'],
  ['`code` and ~~old~~ snake_case', 'code and old snake_case'],
  ['It takes ~50 minutes, ~~an hour~~.', 'It takes ~50 minutes, an hour.'],
  ['2 * 3 - 1 is 5, call 555-1234.', '2 * 3 - 1 is 5, call 555-1234.'],
])('%j is said as %j', (piece, said) => expect(plainText(piece)).toBe(said));

test('letters, digits and punctuation are unchanged', () => {
  const words = fc
    .array(fc.stringMatching(/^[a-zA-Z0-9]{1,8}[,.!?]?$/), { minLength: 1 })
    .map((list) => list.join(' '));
  fc.assert(
    fc.property(words, (text) => {
      expect(plainText(text)).toBe(text);
    }),
  );
});
