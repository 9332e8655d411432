import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { jobOf } from './support/fake-service.ts';
import { openTextCall } from './support/text-call.ts';

const limitsOf = (more: Partial<ReturnType<typeof jobOf>['limits']>) => ({ limits: { ...jobOf().limits, ...more } });
const agentLines = (lines: string[]) => lines.filter((line) => line.startsWith('agent')).map((line) => line.slice(7));

test('no input: the agent prompts twice, says goodbye and ends the call', async () => {
  await using call = await openTextCall([], limitsOf({ noInputPromptMs: 200, noInputGoodbyeMs: 600 }));
  expect((await call.ended).reason).toBe('silence');
  expect(agentLines(call.lines()).slice(1)).toEqual(['Are you still there?', 'Are you still there?', 'Goodbye!']);
});

test('an exchange restarts the no-input timer', async () => {
  const script = [{ input: 'Hi', content: 'Hello.' }];
  await using call = await openTextCall(script, limitsOf({ noInputPromptMs: 300, noInputGoodbyeMs: 900 }));
  await sleep(150);
  await call.say('Hi');
  await sleep(200);
  expect(agentLines(call.lines())).not.toContain('Are you still there?');
  await sleep(200);
  expect(agentLines(call.lines())).toContain('Are you still there?');
});

test('at the time limit the agent says so and ends the call', async () => {
  await using call = await openTextCall([], limitsOf({ maxCallMs: 300 }));
  expect((await call.ended).reason).toBe('time_limit');
  expect(agentLines(call.lines()).at(-1)).toBe('We have to stop here. Goodbye!');
});

test('the service can make the agent say something, and end the call with or without last words', async () => {
  await using call = await openTextCall([]);
  call.command({ type: 'say', text: 'A colleague says hello.' });
  await sleep(100);
  call.command({ type: 'end', say: 'We close now.', reason: 'ended_by_service' });
  call.command({ type: 'say', text: 'Too late.' });
  expect((await call.ended).reason).toBe('ended_by_service');
  expect(agentLines(call.lines()).slice(1)).toEqual(['A colleague says hello.', 'We close now.']);
  await using other = await openTextCall([]);
  other.command({ type: 'end', say: null, reason: 'ended_by_service' });
  expect((await other.ended).reason).toBe('ended_by_service');
});

test('a conversation whose session is closed still ends', async () => {
  await using call = await openTextCall([], limitsOf({ maxCallMs: 200 }));
  await call.session.close();
  expect((await call.ended).reason).toBe('time_limit');
});
