/** How a campaign speaks: at its rate, with a greeting that is protected, and once more when it was not understood. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { closeRtc, type Caller } from '#src/simulators/caller/caller.ts';
import { synthesize } from '#src/simulators/speech/speech.ts';
import { jobOf } from '#test/conversation/support/fake-service.ts';
import { openTrial, type Trial } from '#test/conversation/support/trial.ts';

afterAll(closeRtc);

const quiet = (caller: Caller) => caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 20_000 });

const untilTurns = async (trial: Trial, count: number) => {
  await expect.poll(() => trial.service.turns().length, { timeout: 15_000, interval: 20 }).toBe(count);
  return trial.service.turns();
};

test('a protected greeting is heard to its end, and the caller who spoke into it is answered then', async () => {
  const greeting = 'Hello and welcome to the practice in the heart of town. This call may be recorded. How can I help?';
  await using trial = await openTrial({ name: 'protected', caller: ['What does it cost?'], otherwise: 'Of course.' });
  trial.job.next = jobOf({ greeting, greetingGuardMs: 10_000 });
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: 0 });
  await sleep(1_000);
  await caller.say('What does it cost?');
  const turns = await untilTurns(trial, 3);
  expect(turns.map(({ role, text, interrupted }) => [role, text, interrupted])).toEqual([
    ['agent', greeting, false],
    ['caller', 'What does it cost?', false],
    ['agent', 'Of course.', false],
  ]);
  const [first, , answer] = turns;
  expect((answer?.startedAt ?? 0) - (first?.endedAt ?? 0)).toBeLessThan(3_000);
});

test('after the protection the greeting can be interrupted', async () => {
  const greeting = 'Hello and welcome to the practice in the heart of town. This call may be recorded. How can I help?';
  await using trial = await openTrial({ name: 'over', caller: ['What does it cost?'], otherwise: 'Of course.' });
  trial.job.next = jobOf({ greeting, greetingGuardMs: 800 });
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: 0 });
  await sleep(1_500);
  await caller.say('What does it cost?');
  const [first] = await untilTurns(trial, 3);
  expect(first).toMatchObject({ role: 'agent', interrupted: true });
});

test.each([
  ['openai', { provider: 'openai', model: 'tts-1', voice: 'alloy', rate: 1.2 }],
  ['deepgram', { provider: 'deepgram', model: 'aura-2-thalia-en', voice: 'aura-2-thalia-en', rate: 1.2 }],
] as const)('%s: at the rate of the campaign; asked to repeat, slower and without the model', async (_, tts) => {
  const answer = 'We are open from nine to five on every day of the week, and on Saturdays until noon.';
  await using trial = await openTrial({
    name: 'repeat',
    caller: ['When are you open?', 'Sorry?'],
    replies: [{ when: 'open', say: answer }],
    otherwise: 'This is not what was asked.',
  });
  trial.job.next = jobOf({ greeting: 'Hello.', tts });
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: 0 });
  await quiet(caller);
  for (const line of ['When are you open?', 'Sorry?']) {
    const { lastSampleAt } = await caller.say(line);
    await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: lastSampleAt });
    await quiet(caller);
  }
  const turns = await untilTurns(trial, 5);
  expect(turns.map(({ role, text }) => [role, text])).toEqual([
    ['agent', 'Hello.'],
    ['caller', 'When are you open?'],
    ['agent', answer],
    ['caller', 'Sorry?'],
    ['agent', answer],
  ]);
  const { lastChat } = await trial.providers.log();
  expect(JSON.stringify(lastChat)).not.toContain('Sorry?');
  const [, , first, , again] = turns.map(({ startedAt, endedAt }) => endedAt - startedAt);
  const atOnce = (await synthesize(answer, { voice: tts.voice })).length / 24;
  expect((first ?? 0) / atOnce).toBeGreaterThan(0.72);
  expect((first ?? 0) / atOnce).toBeLessThan(0.95);
  expect((again ?? 0) / (first ?? 1)).toBeGreaterThan(1.1);
  expect((again ?? 0) / (first ?? 1)).toBeLessThan(1.4);
});
