import { expect, test } from 'vitest';
import { openTextCall } from './support/text-call.ts';

const hours = 'Yes, we are. Our hours are from nine to five. Shall I book a table for you?';
const again = 'Our hours are from nine to five. Shall I book a table for you?';

test('a repeat request: the agent says its last two sentences again, without the LLM', async () => {
  // "Sorry?" isn't in the script, so the LLM would say nothing.
  const script = [
    { input: 'Are you open?', content: hours },
    { input: 'Tomorrow', content: 'Done.' },
  ];
  await using call = await openTextCall(script, { greeting: 'Hello!' });
  await call.say('Are you open?');
  await call.say('Sorry?');
  await call.say('Could you say that again, please?');
  await call.say('Tomorrow');
  expect(call.lines()).toEqual([
    'agent: Hello!',
    'caller: Are you open?',
    `agent: ${hours}`,
    'caller: Sorry?',
    `agent: ${again}`,
    'caller: Could you say that again, please?',
    `agent: ${again}`,
    'caller: Tomorrow',
    'agent: Done.',
  ]);
});

test('the greeting is repeated, too', async () => {
  await using call = await openTextCall([], { greeting: 'Hello! How can I help you?' });
  await call.say('Pardon?');
  expect(call.lines().at(-1)).toBe('agent: Hello! How can I help you?');
});

test('if the agent has said nothing yet, the LLM replies', async () => {
  const script = [{ input: 'Pardon?', content: 'I said nothing.' }];
  await using call = await openTextCall(script, { greeting: 'Hello!', firstSpeaker: 'caller' });
  await call.say('Pardon?');
  expect(call.lines()).toEqual(['caller: Pardon?', 'agent: I said nothing.']);
});
