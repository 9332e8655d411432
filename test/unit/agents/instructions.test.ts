import { expect, test } from 'vitest';
import { instructionsOf } from '#agents/telephony/session/instructions.ts';
import { jobOf } from '#test/conversation/support/fake-service.ts';

test('the prompt starts with the campaign, and forbids claiming to be a person', () => {
  const prompt = instructionsOf(jobOf({ instructions: 'You are Bright Smile Dental.', language: 'de' }));
  expect(prompt).toMatch(/^You are Bright Smile Dental\./);
  expect(prompt).toMatch(/never claim or suggest that you are a person/);
  expect(prompt).toMatch(/cannot connect, transfer/);
  expect(prompt).toContain('"de"');
  expect(prompt).toContain('+15551234567');
});
