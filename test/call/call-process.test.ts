/** The real call process with real audio; only the service is made up. One process after the other, in one trial. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { closeRtc, type Caller } from '#src/simulators/caller/caller.ts';
import { jobOf } from '../conversation/support/fake-service.ts';
import { openTrial, type Trial } from '../conversation/support/trial.ts';

let trial: Trial;

beforeAll(async () => {
  trial = await openTrial({
    name: 'call-process',
    replies: [
      { when: 'opening hours', say: 'We are open Monday to Thursday. On Friday we close at 2 p.m. already.' },
      {
        when: 'goodbye',
        say: 'Thank you for calling, goodbye!',
        tool: { name: 'end_call', arguments: {} },
      },
      { when: 'question', say: 'Of course.' },
    ],
  });
});
afterAll(async () => {
  await trial[Symbol.asyncDispose]();
  await closeRtc();
});
beforeEach(() => {
  trial.service.agentEvents.length = 0;
  trial.service.claims.length = 0;
  trial.job.leave = false;
  trial.job.next = jobOf({ greeting: 'Hello there.' });
});

const heardOut = async (caller: Caller, since = 0) => {
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since });
  await caller.whenAgentQuiet({ quietMs: 700, timeoutMs: 20_000 });
};
const lines = () => trial.service.turns().map(({ role, text }) => `${role}: ${text}`);

test('a whole conversation: answered, greeted, understood, replied to, ended by the agent after its goodbye', async () => {
  await using caller = await trial.call();
  await heardOut(caller);
  await trial.providers.queueUtterance('What are your opening hours?');
  await caller.say('What are your opening hours?');
  await heardOut(caller, Date.now());
  await trial.providers.queueUtterance('That is all, thank you, goodbye');
  await caller.say('That is all, thank you, goodbye');
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
  expect(lines()).toEqual([
    'agent: Hello there.',
    'caller: What are your opening hours?',
    'agent: We are open Monday to Thursday. On Friday we close at 2 p.m. already.',
    'caller: That is all, thank you, goodbye',
    'agent: Thank you for calling, goodbye!',
    'tool: end_call {}',
  ]);
  expect(trial.service.turns().map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(trial.service.agentEvents.at(-1)).toMatchObject({ kind: 'ended', reason: 'agent_hangup' });
  expect(caller.audioIn.clippedMs()).toBe(0); // nothing was said before the caller could hear it
  expect(trial.service.claims[0]).toMatchObject({ caller: { isSip: true, identity: caller.call.identity } });
  const reply = trial.service.turns()[2];
  const parts = ['firstToken', 'firstAudio', 'heard', 'modelAsked', 'voiceAsked', 'discarded'];
  expect(Object.keys(reply?.latency ?? {})).toEqual(parts);
});

test('the caller interrupts: the agent falls silent, and what was not heard is not recorded; then they hang up', async () => {
  const greeting =
    'Hello and welcome to the practice in the heart of town. We can tell you all about our long opening hours.';
  trial.job.next = jobOf({ greeting });
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: 0 });
  await sleep(1_200);
  await trial.providers.queueUtterance('Stop please I have a question');
  const words = await caller.synthesize('Stop please I have a question');
  const saying = caller.startSpeaking(words);
  await saying.done;
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: Date.now() + 150 });
  await sleep(1_500);
  await caller.hangUp();
  expect((await trial.service.until('ended')).reason).toBe('caller_hangup');
  const [first, second, third] = trial.service.turns();
  expect(first).toMatchObject({ role: 'agent', interrupted: true });
  expect(first?.text.length).toBeLessThan(greeting.length / 2);
  expect(greeting.startsWith(first?.text ?? 'nothing')).toBe(true);
  expect(second).toMatchObject({ role: 'caller', text: 'Stop please I have a question' });
  expect(third).toMatchObject({ role: 'agent', text: 'Of course.' });
});

test('who is not to take the call leaves without a sound', async () => {
  trial.job.leave = true;
  await using caller = await trial.call();
  while (trial.service.claims.length === 0) await sleep(20);
  await sleep(1_000);
  expect(caller.activeAt()).toBeNull();
  expect(caller.room.remoteParticipants.size).toBe(0);
  expect(trial.service.agentEvents).toEqual([]);
});

test('a full campaign is heard: one sentence, then the end', async () => {
  trial.job.next = jobOf({ purpose: 'announce' });
  await using caller = await trial.call();
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
  expect(lines()).toEqual(['agent: All our lines are busy. Please call again later.']);
  expect(trial.service.agentEvents.at(-1)).toMatchObject({ kind: 'ended', reason: 'announced' });
});

test('a caller who hangs up while it rings was never answered', async () => {
  await using caller = await trial.call({ pickUpMs: 20_000 });
  while (trial.service.agentEvents.length < 2) await sleep(20);
  await caller.hangUp();
  await trial.service.until('ended');
  expect(trial.service.agentEvents).toMatchObject([
    { kind: 'timing', stages: { connected: expect.any(Number) as number, jobReceived: expect.any(Number) as number } },
    { kind: 'timing', stages: { sessionStarted: expect.any(Number) as number } },
    { kind: 'ended' },
  ]);
});

test('a caller who cannot be known to hear is spoken to all the same, and the record says so', async () => {
  trial.job.next = jobOf({ limits: { ...jobOf().limits, activeTimeoutMs: 500 } });
  await using caller = await trial.call({ pickUpMs: 20_000 });
  await trial.service.until('answered');
  await caller.hangUp();
  await trial.service.until('ended');
  const reached = trial.service.agentEvents.flatMap((told) => (told.kind === 'timing' ? Object.keys(told.stages) : []));
  expect(reached).toEqual(expect.arrayContaining(['sessionStarted', 'activeTimedOut']));
  expect(reached).not.toContain('active');
});
