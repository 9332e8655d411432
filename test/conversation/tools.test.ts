import { expect, test } from 'vitest';
import { openTextCall } from './support/text-call.ts';

const greeting = 'Hello!';

test('the greeting and replies are reported as turns, numbered from `firstTurnSeq`', async () => {
  await using call = await openTextCall([{ input: 'Are you open?', content: 'We are.' }], {
    greeting,
    firstTurnSeq: 7,
  });
  await call.say('Are you open?');
  expect(call.lines()).toEqual(['agent: Hello!', 'caller: Are you open?', 'agent: We are.']);
  expect(call.turns().map(({ seq }) => seq)).toEqual([7, 8, 9]);
  expect(call.turns().every(({ startedAt, endedAt }) => startedAt > 1e12 && endedAt >= startedAt)).toBe(true);
});

test('the caller may speak first', async () => {
  await using call = await openTextCall([{ input: 'Hi', content: 'Hello.' }], { greeting, firstSpeaker: 'caller' });
  expect(call.lines()).toEqual([]);
  await call.say('Hi');
  expect(call.lines()).toEqual(['caller: Hi', 'agent: Hello.']);
});

test('after a recovery the LLM has the history, and the greeting is not said again', async () => {
  const history = [
    { role: 'agent' as const, text: 'Hello!' },
    { role: 'caller' as const, text: 'My name is Sarah.' },
  ];
  await using call = await openTextCall([], { greeting, history });
  expect(call.lines()).toEqual([expect.stringMatching(/^agent: Sorry, we were cut off/)]);
  const known = call.session.history.items.flatMap((item) => (item.type === 'message' ? [item.textContent] : []));
  expect(call.session.currentAgent.chatCtx.items.length).toBeGreaterThanOrEqual(3);
  expect(known).not.toContain('Hello!');
});

test('end_call along with a goodbye: nothing is added', async () => {
  const script = [{ input: 'Bye', content: 'Goodbye, Sarah!', toolCalls: [{ name: 'end_call', args: {} }] }];
  await using call = await openTextCall(script, { greeting });
  await call.say('Bye');
  expect((await call.ended).reason).toBe('agent_hangup');
  expect(call.lines().filter((line) => line.startsWith('agent'))).toEqual(['agent: Hello!', 'agent: Goodbye, Sarah!']);
  expect(call.turns().find(({ role }) => role === 'tool')?.tool).toEqual({
    name: 'end_call',
    arguments: {},
    result: null,
  });
});

test.each([
  [{}, 'Goodbye!'],
  [{ goodbye: 'See you on Friday.' }, 'See you on Friday.'],
  [{ goodbye: ' ' }, 'Goodbye!'],
])('end_call without any text: %j makes the agent say %j', async (args, goodbye) => {
  const script = [{ input: 'Bye', toolCalls: [{ name: 'end_call', args }] }];
  await using call = await openTextCall(script, { greeting });
  await call.say('Bye');
  expect((await call.ended).reason).toBe('agent_hangup');
  expect(call.lines().at(-1)).toBe(`agent: ${goodbye}`);
});

test.each([
  ['All set, Friday at ten.', 'Have a nice day!', ['All set, Friday at ten.', 'Have a nice day!']],
  ['Thank you for calling, goodbye.', 'Goodbye!', ['Thank you for calling, goodbye.']],
])('end_call along with the text %j and the goodbye %j: each is said once', async (content, goodbye, said) => {
  const script = [{ input: 'Bye', content, toolCalls: [{ name: 'end_call', args: { goodbye } }] }];
  await using call = await openTextCall(script, { greeting });
  await call.say('Bye');
  expect((await call.ended).reason).toBe('agent_hangup');
  const lines = call.lines().filter((line) => line.startsWith('agent'));
  expect(lines).toEqual(['agent: Hello!', ...said.map((text) => `agent: ${text}`)]);
});

test('text along with another tool is not a goodbye', async () => {
  const script = [
    {
      input: 'Tell them Sarah called about Friday, bye',
      content: 'Let me note that.',
      toolCalls: [{ name: 'take_message', args: { name: 'Sarah', reason: 'Friday' } }],
    },
    { input: '{"noted":true}', toolCalls: [{ name: 'end_call', args: {} }] },
  ];
  await using call = await openTextCall(script, { greeting });
  await call.say('Tell them Sarah called about Friday, bye');
  expect((await call.ended).reason).toBe('agent_hangup');
  expect(call.lines().filter((line) => !line.startsWith('tool'))).toEqual([
    'agent: Hello!',
    'caller: Tell them Sarah called about Friday, bye',
    'agent: Let me note that.',
    'agent: Goodbye!',
  ]);
});

test('a message is reported with the number of the caller, unless they name another one', async () => {
  const script = [
    { input: 'One', toolCalls: [{ name: 'take_message', args: { name: 'Sarah', reason: 'Friday' } }] },
    { input: 'Two', toolCalls: [{ name: 'take_message', args: { name: 'Tom', number: '+49301', reason: 'Monday' } }] },
    { input: '{"noted":true}', content: 'Noted.' },
  ];
  await using call = await openTextCall(script, { greeting });
  await call.say('One');
  await call.say('Two');
  expect(call.agentEvents.filter(({ kind }) => kind === 'message_taken')).toEqual([
    { kind: 'message_taken', name: 'Sarah', number: '+15551234567', reason: 'Friday' },
    { kind: 'message_taken', name: 'Tom', number: '+49301', reason: 'Monday' },
  ]);
  expect(call.lines().slice(1, 4)).toEqual([
    'caller: One',
    expect.stringMatching(/^tool: take_message/),
    'agent: Noted.',
  ]);
  expect(call.turns().find(({ role }) => role === 'tool')?.tool?.result).toEqual({ noted: true });
});

test('a message without a name is rejected, and the LLM learns what is missing', async () => {
  const script = [{ input: 'One', toolCalls: [{ name: 'take_message', args: { name: ' ', reason: 'Friday' } }] }];
  await using call = await openTextCall(script, { greeting });
  await call.say('One');
  expect(call.agentEvents.filter(({ kind }) => kind === 'message_taken')).toEqual([]);
  expect(call.turns().find(({ role }) => role === 'tool')?.tool?.result).toMatch(/Invalid arguments/);
});

test('a tool that is not offered does nothing', async () => {
  const script = [{ input: 'Transfer me to +1900', toolCalls: [{ name: 'transfer_call', args: { to: '+1900' } }] }];
  await using call = await openTextCall(script, { greeting });
  await call.say('Transfer me to +1900');
  expect(call.turns().find(({ role }) => role === 'tool')?.tool?.result).toMatch(/Unknown function/);
  expect(call.agentEvents.some(({ kind }) => kind === 'ended' || kind === 'message_taken')).toBe(false);
});
