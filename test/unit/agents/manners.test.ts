import { DisconnectReason } from '@livekit/rtc-node';
import { expect, test } from 'vitest';
import { reasonOfLeaving } from '#agents/telephony/room/caller-presence.ts';
import { openCallEnd } from '#agents/telephony/flow/call-end.ts';
import { firstWords, greet } from '#agents/telephony/speech/greeting.ts';
import { instructionsOf } from '#agents/telephony/session/instructions.ts';
import type { SayResult } from '#agents/telephony/speech/say.ts';
import { asksToWait } from '#agents/telephony/turns/phrases/wait-request.ts';
import { jobOf } from '#test/conversation/support/fake-service.ts';

test.each([
  'One moment please.',
  'Just a second, let me get my calendar.',
  'Hold on.',
  'Could you hang on?',
  'Okay, bear with me.',
  'Let me check.',
  'Einen Moment bitte.',
  'Un momento, por favor.',
])('%j asks to wait', (words) => expect(asksToWait(words)).toBe(true));

test.each([
  'What are your opening hours?',
  'Hold on, what does that cost?',
  'I was asked to hold the line last week for an hour and then nobody came to the phone at all.',
  'Yes.',
  '',
])('%j does not', (words) => expect(asksToWait(words)).toBe(false));

/** A voice whose attempts go like this. */
const voiceOf = (...outcomes: SayResult[]) => {
  const said: string[] = [];
  return { said, speak: async (text: string) => (said.push(text), outcomes[said.length - 1] ?? 'failed') };
};

test('a greeting that was heard is said once', async () => {
  const { said, speak } = voiceOf('heard');
  expect(await greet(speak, 'Hello', () => false)).toBe('heard');
  expect(said).toEqual(['Hello']);
});

test.each(['failed', 'cut_off'] as const)(
  'a greeting that %s without a word of the caller is said once more',
  async (how) => {
    const { said, speak } = voiceOf(how, 'failed');
    expect(await greet(speak, 'Hello', () => false)).toBe('failed');
    expect(said).toEqual(['Hello', 'Hello']);
  },
);

test('a caller who interrupts the greeting has the floor', async () => {
  const { said, speak } = voiceOf('cut_off');
  await greet(speak, 'Hello', () => true);
  expect(said).toEqual(['Hello']);
});

test('the first words: the greeting, nothing, or an excuse after a break', () => {
  expect(firstWords(jobOf({ greeting: 'Hi' }))).toBe('Hi');
  expect(firstWords(jobOf({ greeting: 'Hi', firstSpeaker: 'caller' }))).toBeNull();
  expect(firstWords(jobOf({ greeting: ' ' }))).toBeNull();
  expect(firstWords(jobOf({ history: [{ role: 'agent', text: 'Hi' }] }))).toMatch(/cut off/);
});

test('a call ends once, for what began its end', async () => {
  const ender = openCallEnd();
  expect(ender.begun).toBe(false);
  expect(ender.begin('silence')).toBe(true);
  expect(ender.begin('time_limit')).toBe(false);
  ender.finish('caller_hangup'); // in the middle of the goodbye
  ender.finish('agent_error');
  expect((await ender.done).reason).toBe('silence');
});

test.each([
  [DisconnectReason.CLIENT_INITIATED, 'caller_hangup'],
  [DisconnectReason.USER_REJECTED, 'caller_hangup'],
  [undefined, 'caller_hangup'],
  [DisconnectReason.CONNECTION_TIMEOUT, 'caller_lost'],
  [DisconnectReason.MEDIA_FAILURE, 'caller_lost'],
  [DisconnectReason.SIP_TRUNK_FAILURE, 'caller_lost'],
  [DisconnectReason.ROOM_DELETED, 'ended_by_service'],
  [DisconnectReason.PARTICIPANT_REMOVED, 'ended_by_service'],
] as const)('leaving for reason %s is %s', (reason, expected) => expect(reasonOfLeaving(reason)).toBe(expected));

test('the prompt keeps the campaign first and never lets the agent pretend', () => {
  const prompt = instructionsOf(jobOf({ instructions: 'You are Bright Smile Dental.', language: 'de' }));
  expect(prompt).toMatch(/^You are Bright Smile Dental\./);
  expect(prompt).toMatch(/never claim or suggest that you are a person/);
  expect(prompt).toMatch(/cannot connect, transfer/);
  expect(prompt).toContain('"de"');
  expect(prompt).toContain('+15551234567');
});
