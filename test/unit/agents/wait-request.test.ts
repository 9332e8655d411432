import { expect, test } from 'vitest';
import { asksToWait } from '#agents/telephony/turns/phrases/wait-request.ts';

test.each([
  'One moment please.',
  'Just a second, let me get my calendar.',
  'Hold on.',
  'Could you hang on?',
  'Okay, bear with me.',
  'Let me check.',
  'Einen Moment bitte.',
  'Un momento, por favor.',
])('%j is a wait request', (words) => expect(asksToWait(words)).toBe(true));

test.each([
  'What are your opening hours?',
  'Hold on, what does that cost?',
  'I was asked to hold the line last week for an hour and then nobody came to the phone at all.',
  'Yes.',
  '',
])('%j is not a wait request', (words) => expect(asksToWait(words)).toBe(false));
