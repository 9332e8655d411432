import { expect, test } from 'vitest';
import { firstWords, greet } from '#agents/telephony/speech/greeting.ts';
import type { SayResult } from '#agents/telephony/speech/say.ts';
import { jobOf } from '#test/conversation/support/fake-service.ts';

/** A `say` with these outcomes. */
const sayWith = (...outcomes: SayResult[]) => {
  const said: string[] = [];
  return { said, say: async (text: string) => (said.push(text), outcomes[said.length - 1] ?? 'failed') };
};

test('a greeting that was heard is said once', async () => {
  const { said, say } = sayWith('heard');
  expect(await greet(say, 'Hello', () => false)).toBe('heard');
  expect(said).toEqual(['Hello']);
});

test.each(['failed', 'cut_off'] as const)('a greeting that %s without words of the caller is repeated', async (how) => {
  const { said, say } = sayWith(how, 'failed');
  expect(await greet(say, 'Hello', () => false)).toBe('failed');
  expect(said).toEqual(['Hello', 'Hello']);
});

test('a greeting that the caller interrupts is not repeated', async () => {
  const { said, say } = sayWith('cut_off');
  await greet(say, 'Hello', () => true);
  expect(said).toEqual(['Hello']);
});

test('the first words are the greeting, nothing, or an apology after a recovery', () => {
  expect(firstWords(jobOf({ greeting: 'Hi' }))).toBe('Hi');
  expect(firstWords(jobOf({ greeting: 'Hi', firstSpeaker: 'caller' }))).toBeNull();
  expect(firstWords(jobOf({ greeting: ' ' }))).toBeNull();
  expect(firstWords(jobOf({ history: [{ role: 'agent', text: 'Hi' }] }))).toMatch(/cut off/);
});
