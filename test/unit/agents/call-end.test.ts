import { expect, test } from 'vitest';
import { openCallEnd } from '#agents/telephony/flow/call-end.ts';

test('a call ends once, with the reason that began its end', async () => {
  const callEnd = openCallEnd();
  expect(callEnd.begun).toBe(false);
  expect(callEnd.begin('silence')).toBe(true);
  expect(callEnd.begin('time_limit')).toBe(false);
  callEnd.finish('caller_hangup'); // during the goodbye
  callEnd.finish('agent_error');
  expect((await callEnd.done).reason).toBe('silence');
});
