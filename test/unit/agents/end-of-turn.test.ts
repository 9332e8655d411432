import { expect, test } from 'vitest';
import { classifyTurn, scaleDelays, defaultEndpointingDelays } from '#agents/telephony/turns/end-of-turn.ts';

const openQuestion = 'How can I help you?';

test.each([
  ['What are your opening hours?'],
  ['What time do you open?'],
  ['Yes.'],
  ['No, thanks.'],
  ["That's right."],
  ['Okay, goodbye.'],
])('%j is finished', (said) => expect(classifyTurn(said, openQuestion)).toBe('finishedMs'));

test.each([
  ['My name is'],
  ["I'd like to make an appointment for"],
  ['I want to talk to you about the'],
  ['Well, uh'],
  ['My number is, um,'],
  ['I need an appointment because'],
  ['The problem is'],
  ['We are looking for a place that is quiet and.'],
])('%j is unfinished', (said) => expect(classifyTurn(said, openQuestion)).toBe('unfinishedMs'));

test.each([
  ['five five five', openQuestion],
  ['My number is 555 123', openQuestion],
  ['it is spelled S M I', openQuestion],
  ['4', 'What is your phone number?'],
  ['S', 'Could you spell your name?'],
])('%j is being dictated', (said, agentSaid) => expect(classifyTurn(said, agentSaid)).toBe('dictationMs'));

test.each([
  ['The code is 4 5 7 2.', openQuestion],
  ['It is spelled S M I T H.', openQuestion],
])('%j was dictated', (said, agentSaid) => expect(classifyTurn(said, agentSaid)).toBe('dictatedMs'));

test.each([
  ['My name is Peter Shaw.', openQuestion],
  ['Hello, this is Sarah Miller speaking.', openQuestion],
])('%j introduces the caller', (said, agentSaid) => expect(classifyTurn(said, agentSaid)).toBe('introducedMs'));

test.each([
  ['My name is Peter Shaw.', 'May I have your name, please?'],
  ['My name is Peter Shaw and I have a question.', openQuestion],
  ['I would like to make an appointment.', openQuestion],
  ['Tomorrow at ten.', openQuestion],
  ['My number is 555 123 4567', openQuestion],
])('%j ends with a period, or is complete', (said, agentSaid) =>
  expect(classifyTurn(said, agentSaid)).toBe('closedMs'),
);

test.each([
  ['I would like to make an appointment', openQuestion],
  ['I would like to leave a message for the dentist please', openQuestion],
  ['four', 'For how many people?'],
  ['', openQuestion],
])('%j may be over', (said, agentSaid) => expect(classifyTurn(said, agentSaid)).toBe('openMs'));

test('a factor of 2 doubles every delay', () => {
  const twice = scaleDelays(defaultEndpointingDelays, 2);
  expect(Object.keys(twice)).toEqual(Object.keys(defaultEndpointingDelays));
  for (const [state, ms] of Object.entries(defaultEndpointingDelays)) expect(twice).toHaveProperty(state, 2 * ms);
  expect(scaleDelays(defaultEndpointingDelays, 1)).toEqual(defaultEndpointingDelays);
});
