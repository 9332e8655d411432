import { expect, test } from 'vitest';
import {
  replyTo,
  loadDemoScenario,
  type Message,
  scenarioSchema,
} from '#src/simulators/providers/scenario/scenario.ts';

const system: Message = { role: 'system', content: 'You answer calls. Ask whether the caller is still there.' };
const user = (content: string): Message => ({ role: 'user', content });
const agent = (content: string): Message => ({ role: 'assistant', content });

test('the first matching rule replies, ignoring case', () => {
  const scenario = scenarioSchema.parse({
    name: 'a',
    replies: [
      { when: 'hours on friday', say: 'Two.' },
      { when: 'hours', say: 'Six.' },
      { when: { turn: 2 }, say: 'Again?' },
      { when: { instructions: 'still there' }, say: 'Hello?' },
    ],
    otherwise: 'Pardon?',
  });
  const say = (...messages: Message[]): string => replyTo(scenario, messages, []).text;
  expect(say(system, user('Hours on FRIDAY?'))).toBe('Two.');
  expect(say({ role: 'user', content: [{ type: 'text', text: 'hours?' }] })).toBe('Six.');
  expect(say(system, user('hours?'), agent('Six.'), user('What?'))).toBe('Again?');
  expect(say(system, user('What?'))).toBe('Pardon?');
  expect(say(system)).toBe('Hello?');
  expect(say(system, user('hours?'), agent('Six.'))).toBe('Hello?');
  expect(say({ role: 'system', content: 'Greet.' })).toBe('Pardon?');
});

test('a rule can be used up, as the conversation shows', () => {
  const scenario = scenarioSchema.parse({
    name: 'a',
    replies: [
      { when: 'help', say: 'What is it about?', times: 1 },
      { when: 'help', tool: { name: 'take_message' }, times: 1 },
    ],
    otherwise: 'Enough.',
  });
  const first = [user('help'), agent('What is'), user('help')];
  const call = { id: 'c1', function: { name: 'take_message', arguments: '{}' } };
  expect(replyTo(scenario, [user('help')], ['take_message']).text).toBe('What is it about?');
  expect(replyTo(scenario, first, ['take_message'])).toEqual({
    text: '',
    tool: { name: 'take_message', arguments: {} },
  });
  expect(replyTo(scenario, first, [])).toEqual({ text: 'Enough.', tool: null });
  const used: Message[] = [...first, { role: 'assistant', tool_calls: [call] }, { role: 'tool', tool_call_id: 'c1' }];
  expect(replyTo(scenario, used, ['take_message']).text).toBe('Enough.');
  expect(replyTo(scenario, [...used, user('help')], ['take_message']).text).toBe('Enough.');
});

test('the demo: the caller asks for opening hours and leaves a message, then the agent ends the call', async () => {
  const demo = await loadDemoScenario();
  const tools = ['take_message', 'end_call'];
  const messages: Message[] = [system];
  const called: string[] = [];
  for (const line of demo.caller) {
    messages.push(user([line].flat().join(' ')));
    for (let step = 0; step < 2; step++) {
      const { text, tool } = replyTo(demo, messages, tools);
      expect(text).not.toBe(demo.otherwise);
      const id = `call-${messages.length}`;
      const calls = tool
        ? [{ id, function: { name: tool.name, arguments: JSON.stringify(tool.arguments) } }]
        : undefined;
      messages.push({ role: 'assistant', content: text, ...(calls && { tool_calls: calls }) });
      if (!tool) break;
      called.push(tool.name);
      messages.push({ role: 'tool', tool_call_id: id, content: 'done' });
    }
  }
  expect(demo.caller.length).toBeGreaterThanOrEqual(3);
  expect(called).toEqual(['take_message', 'end_call']);
});
