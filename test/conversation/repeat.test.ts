import { expect, test } from 'vitest';
import { openTextCall } from './support/text-call.ts';

const hours = 'Yes, we are. Our hours are from nine to five. Shall I book a table for you?';
const again = 'Our hours are from nine to five. Shall I book a table for you?';

test('asked to repeat, the agent says its last two sentences again; the model is not asked', async () => {
  // The script knows no "Sorry?": the model would say nothing.
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

test('the greeting, too', async () => {
  await using call = await openTextCall([], { greeting: 'Hello! How can I help you?' });
  await call.say('Pardon?');
  expect(call.lines().at(-1)).toBe('agent: Hello! How can I help you?');
});

test('where nothing was said yet, the model answers', async () => {
  const script = [{ input: 'Pardon?', content: 'I said nothing.' }];
  await using call = await openTextCall(script, { greeting: 'Hello!', firstSpeaker: 'caller' });
  await call.say('Pardon?');
  expect(call.lines()).toEqual(['caller: Pardon?', 'agent: I said nothing.']);
});
