import { expect, test } from 'vitest';
import { asksToRepeat, lastSentences } from '#agents/telephony/turns/phrases/repeat-request.ts';

test.each([
  'Sorry?',
  "I'm sorry?",
  'Excuse me?',
  'Pardon?',
  'Pardon.',
  'I beg your pardon?',
  'What?',
  'Sorry, what?',
  'What did you say?',
  'Sorry, what was that?',
  'sorry what did you just say',
  'What was that again?',
  'Can you repeat that?',
  'Could you please repeat that for me?',
  'Could you repeat that a little more slowly, please?',
  'Repeat that, please.',
  'Say that again please',
  'Can you say it again?',
  'Uh, once more please.',
  "I didn't catch that.",
  'I didn’t quite catch what you said.',
  "Sorry, I couldn't hear you. Could you say that again?",
  'Come again?',
])('%j is a repeat request', (words) => expect(asksToRepeat(words)).toBe(true));

test.each([
  'Sorry.',
  "I'm sorry, I have to go.",
  'Excuse me.',
  'Sorry, what time did you say?',
  'What is that?',
  'What did you say your name was?',
  'Can you repeat the number?',
  'Could you say your name again?',
  'Say that to my wife.',
  'Can you say it in Spanish?',
  "I didn't get it.",
  "I don't understand.",
  'Once more I would like to book a table.',
  'Please.',
  '?',
  'Yes.',
  '',
])('%j is not a repeat request', (words) => expect(asksToRepeat(words)).toBe(false));

test.each([
  ['We are open from nine to five.', 'We are open from nine to five.'],
  ['Sure, one moment. We have ten and eleven. Which one suits you?', 'We have ten and eleven. Which one suits you?'],
  ['Of course! Dr. Smith is in on Monday at 10 a.m., and Dr. Lee too.', null],
  ['First. Second. Third, without an end', 'Second. Third, without an end'],
  ['He said "Come in." She did. They left.', 'She did. They left.'],
  ['  ', ''],
])('the last two sentences of %j', (text, expected) => expect(lastSentences(text, 2)).toBe(expected ?? text));
