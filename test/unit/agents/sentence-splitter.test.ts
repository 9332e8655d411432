import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openSentenceSplitter } from '#agents/telephony/tts/sentence-splitter.ts';

const split = (text: string, chunkLength = 3): string[] => {
  const splitter = openSentenceSplitter();
  const chunks = text.match(new RegExp(`[\\s\\S]{1,${chunkLength}}`, 'g')) ?? [];
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.flush()];
};
const sentences = (text: string): string[] => split(text).map((piece) => piece.trim());

test.each([
  ['Hello there. How are you?', ['Hello there.', 'How are you?']],
  ['Sure! One moment, please.', ['Sure!', 'One moment, please.']],
  ['"Really?" she asked. Yes.', ['"Really?"', 'she asked.', 'Yes.']],
  ['Dr. Miller and Mrs. J. R. Smith are in.', ['Dr. Miller and Mrs. J. R. Smith are in.']],
  ['We open at 9 a.m. and close at 5 p.m. Come by.', ['We open at 9 a.m.', 'and close at 5 p.m.', 'Come by.']],
  ['It costs 3.50 dollars. That is 12.5 percent.', ['It costs 3.50 dollars.', 'That is 12.5 percent.']],
  ['You have 5. I have 6.', ['You have 5.', 'I have 6.']],
  ['1. Press one. 2. Press two.', ['1. Press one.', '2. Press two.']],
  [
    'See www.example.com/a?b=1 or mail me@example.org. Bye.',
    ['See www.example.com/a?b=1 or mail me@example.org.', 'Bye.'],
  ],
  [
    'Some fruit, e.g. apples, etc. are fine. The U.S. Mail too.',
    ['Some fruit,', 'e.g. apples, etc. are fine.', 'The U.S. Mail too.'],
  ],
  ['Room No. 5 is free. No. It is not.', ['Room No. 5 is free.', 'No.', 'It is not.']],
  ['Well... let me see... Yes, on Jan. 5 it is.', ['Well... let me see...', 'Yes, on Jan. 5 it is.']],
  ['What?! No!! Wait…  Ok', ['What?!', 'No!!', 'Wait…', 'Ok']],
  ['First line\nSecond line', ['First line', 'Second line']],
  ['今日は。元気ですか？はい', ['今日は。', '元気ですか？', 'はい']],
  ['', []],
])('%j is split into sentences', (text, expected) => {
  expect(sentences(text)).toEqual(expected);
});

test.each([
  ['Sure, we open at nine, and we close at five. Bye.', ['Sure,', 'we open at nine,', 'and we close at five.', 'Bye.']],
  ['The earliest appointment is on Thursday.', ['The earliest appointment is', 'on Thursday.']],
  ['That is no problem at all. When?', ['That is no problem at all.', 'When?']],
  [
    'Your appointment is on Monday at ten. Anything else?',
    ['Your appointment is on Monday', 'at ten.', 'Anything else?'],
  ],
  ['I can certainly move that to Friday morning.', ['I can certainly move that to Friday morning.']],
  ['A, B, and C are taken, sadly.', ['A, B,', 'and C are taken,', 'sadly.']],
  ['We take 1,000 dollars at 10:30 in cash.', ['We take 1,000 dollars', 'at 10:30 in cash.']],
  ['Gerne, wir haben heute offen.', ['Gerne,', 'wir haben heute offen.']],
  ['Oui, nous sommes ouverts.', ['Oui,', 'nous sommes ouverts.']],
  ['Claro, estamos abiertos.', ['Claro,', 'estamos abiertos.']],
  ['Tables, chairs are here.', ['Tables, chairs are here.']],
  ['Yes. Of course, we do.', ['Yes.', 'Of course, we do.']],
])('the first piece of %j is its first clause', (text, expected) => {
  expect(sentences(text)).toEqual(expected);
});

test('the first clause is returned at its comma, unless a number may go on', () => {
  const splitter = openSentenceSplitter();
  expect(splitter.push('Of course,')).toEqual(['Of course,']);
  const other = openSentenceSplitter();
  expect(other.push('We have 1,')).toEqual([]);
  expect(other.push('000 dollars,')).toEqual(['We have 1,000 dollars,']);
});

test('a sentence is returned as soon as its end is certain', () => {
  const splitter = openSentenceSplitter();
  expect(splitter.push('Hello there.')).toEqual([]); // "there.5"? "there.com"?
  expect(splitter.push(' ')).toEqual(['Hello there.']); // before the next one's first word
  expect(splitter.push('At 9 a.m. ')).toEqual([]); // "a.m. and" or "a.m. We"
  expect(splitter.push('W')).toEqual([' At 9 a.m.']);
  expect(splitter.push('e are here!')).toEqual([]);
  expect(splitter.flush()).toEqual([' We are here!']);
  expect(splitter.flush()).toEqual([]);
});

test('a text without an end is cut between words before it gets too long', () => {
  const pieces = split('and so on '.repeat(200), 50);
  expect(pieces.length).toBeGreaterThan(4);
  for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(400);
  for (const piece of pieces.slice(1, -1)) expect(piece).toMatch(/ $/);
});

const prose = fc
  .array(
    fc.constantFrom(
      'Hello',
      'Dr',
      '.',
      '. ',
      '? ',
      '!',
      ' ',
      '\n',
      '3',
      '.5',
      'a.m',
      ', ',
      '…',
      '"',
      ')',
      'x'.repeat(150),
      '。',
    ),
  )
  .map((parts) => parts.join(''));

test('the pieces add up to the text, and chunks make no difference', () => {
  fc.assert(
    fc.property(
      fc.oneof(prose, fc.string({ unit: 'grapheme' })),
      fc.integer({ min: 1, max: 9 }),
      (text, chunkLength) => {
        const pieces = split(text, chunkLength);
        expect(pieces.join('')).toBe(text);
        expect(pieces).toEqual(split(text, 10_000));
      },
    ),
    { numRuns: 3000 },
  );
});
