import { expect, test } from 'vitest';
import { classifyTurn, scaleDelays, defaultEndpointingDelays } from '#agents/telephony/turns/end-of-turn.ts';

const any = 'How can I help you?';

test.each([
  ['What are your opening hours?'],
  ['What time do you open?'],
  ['Yes.'],
  ['No, thanks.'],
  ["That's right."],
  ['Okay, goodbye.'],
])('%j is finished', (said) => expect(classifyTurn(said, any)).toBe('finishedMs'));

test.each([
  ['My name is'],
  ["I'd like to make an appointment for"],
  ['I want to talk to you about the'],
  ['Well, uh'],
  ['My number is, um,'],
  ['I need an appointment because'],
  ['The problem is'],
  ['We are looking for a place that is quiet and.'],
])('%j is unfinished', (said) => expect(classifyTurn(said, any)).toBe('unfinishedMs'));

test.each([
  ['five five five', any],
  ['My number is 555 123', any],
  ['it is spelled S M I', any],
  ['4', 'What is your phone number?'],
  ['S', 'Could you spell your name?'],
])('%j is being dictated', (said, asked) => expect(classifyTurn(said, asked)).toBe('dictationMs'));

test.each([
  ['The code is 4 5 7 2.', any],
  ['It is spelled S M I T H.', any],
])('%j was dictated', (said, asked) => expect(classifyTurn(said, asked)).toBe('dictatedMs'));

test.each([
  ['My name is Peter Shaw.', any],
  ['Hello, this is Sarah Miller speaking.', any],
])('%j introduces somebody', (said, asked) => expect(classifyTurn(said, asked)).toBe('introducedMs'));

test.each([
  ['My name is Peter Shaw.', 'May I have your name, please?'],
  ['My name is Peter Shaw and I have a question.', any],
  ['I would like to make an appointment.', any],
  ['Tomorrow at ten.', any],
  ['My number is 555 123 4567', any],
])('%j is closed by a full stop, or complete', (said, asked) => expect(classifyTurn(said, asked)).toBe('closedMs'));

test.each([
  ['I would like to make an appointment', any],
  ['I would like to leave a message for the dentist please', any],
  ['four', 'For how many people?'],
  ['', any],
])('%j may be over', (said, asked) => expect(classifyTurn(said, asked)).toBe('openMs'));

test('somebody twice as patient waits twice as long for everything', () => {
  const twice = scaleDelays(defaultEndpointingDelays, 2);
  expect(Object.keys(twice)).toEqual(Object.keys(defaultEndpointingDelays));
  for (const [state, ms] of Object.entries(defaultEndpointingDelays)) expect(twice).toHaveProperty(state, 2 * ms);
  expect(scaleDelays(defaultEndpointingDelays, 1)).toEqual(defaultEndpointingDelays);
});
