/** The agent's own sentences from the disk: without a provider, and with one that fails. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { closeRtc, type Caller } from '#src/simulators/caller/caller.ts';
import { synthesize } from '#src/simulators/speech/speech.ts';
import { leadInPhrasesOf } from '#src/protocol/lead-in-phrases.ts';
import { jobOf } from '#test/conversation/support/fake-service.ts';
import { openTrial, type Trial } from '#test/conversation/support/trial.ts';
import { finalRecords, startTestService, untilPrepared } from '#test/support/service.ts';

afterAll(closeRtc);

const quiet = (caller: Caller) => caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });

test('the voice is down from the start: greeting, apology and farewell are heard all the same', async () => {
  await using service = await startTestService();
  await untilPrepared(service, leadInPhrasesOf('en'));
  await service.providers.setScenario({ name: 'demo', caller: ['Hello', 'Hello?'], repeat: true, otherwise: 'Yes.' });
  await service.providers.setFault({ service: 'tts', kind: 'status', status: 503, times: 'all' });
  await service.providers.clearLog();
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await quiet(caller);
  expect((await service.providers.log()).requests.map(({ kind }) => kind)).not.toContain('speech');
  for (const [line, answer] of [
    ['Hello', defaultSystemMessages.apology],
    ['Hello?', defaultSystemMessages.farewell],
  ] as const) {
    const { lastSampleAt } = await caller.say(line);
    const heardAt = await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: lastSampleAt });
    expect(heardAt - lastSampleAt).toBeLessThan(5_000);
    if (answer === defaultSystemMessages.apology) await quiet(caller);
  }
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', endReason: 'agent_error' });
  expect(turns.map(({ role, text, interrupted }) => [role, text, interrupted])).toEqual([
    ['agent', defaultSystemMessages.greeting, false],
    ['caller', 'Hello', false],
    ['agent', defaultSystemMessages.apology, false],
    ['caller', 'Hello?', false],
    ['agent', defaultSystemMessages.farewell, false],
  ]);
  // The farewell was heard to its end, at its full length: nothing of it was lost.
  const farewell = turns.at(-1);
  const { length } = await synthesize(defaultSystemMessages.farewell, { voice: 'alloy' });
  expect(Math.abs((farewell?.endMs ?? 0) - (farewell?.startMs ?? 0) - length / 24)).toBeLessThan(1_000);
});

/** A call process whose service is made up, with a file for the greeting. */
const openTrialWithGreeting = async (greeting: string, bytes: (pcm: Buffer) => Buffer): Promise<Trial> => {
  const folder = await mkdtemp(join(tmpdir(), 'prepared-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { buffer, byteOffset, byteLength } = await synthesize(greeting, { voice: 'alloy' });
  await writeFile(join(folder, 'greeting.pcm'), bytes(Buffer.from(buffer, byteOffset, byteLength)));
  const trial = await openTrial({ name: 'prepared', replies: [], otherwise: 'Of course.' });
  trial.job.next = jobOf({ greeting, cachedSpeech: { [greeting]: join(folder, 'greeting.pcm') } });
  return trial;
};

test('a prepared greeting is interrupted: what was heard is recorded, and no more', async () => {
  const greeting =
    'Hello and welcome to the practice in the heart of town. We can tell you all about our long opening hours.';
  await using trial = await openTrialWithGreeting(greeting, (pcm) => pcm);
  await trial.providers.setFault({ service: 'tts', kind: 'status', times: 1 }); // the greeting asks for no voice
  await using caller = await trial.call();
  const startedAt = await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: 0 });
  await sleep(1_200);
  await trial.providers.clearFaults();
  await trial.providers.queueUtterance('Stop please I have a question');
  await caller.say('Stop please I have a question');
  await trial.service.until('turn');
  await expect.poll(() => trial.service.turns().length, { timeout: 15_000 }).toBeGreaterThanOrEqual(3);
  await caller.hangUp();
  await trial.service.until('ended');
  const [first, second, third] = trial.service.turns();
  expect(first).toMatchObject({ role: 'agent', interrupted: true });
  const { length } = await synthesize(greeting, { voice: 'alloy' });
  const heardShare = ((first?.endedAt ?? 0) - (first?.startedAt ?? 0)) / (length / 24);
  expect(greeting.startsWith(first?.text ?? 'nothing')).toBe(true);
  expect(Math.abs((first?.text.length ?? 0) / greeting.length - heardShare)).toBeLessThan(0.15);
  expect(first?.startedAt).toBeGreaterThan(startedAt - 1_000);
  expect(second).toMatchObject({ role: 'caller', text: 'Stop please I have a question' });
  expect(third).toMatchObject({ role: 'agent', text: 'Of course.' });
});

test('a file that is broken: the voice says it, and the trouble is told', async () => {
  await using trial = await openTrialWithGreeting('Hello there.', () => Buffer.alloc(1));
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: 0 });
  await expect.poll(() => trial.service.turns().map(({ text }) => text), { timeout: 10_000 }).toEqual(['Hello there.']);
  await caller.hangUp();
  await trial.service.until('ended');
  expect(trial.service.agentEvents).toContainEqual({
    kind: 'failure',
    part: 'tts',
    detail: 'cached speech: the file is broken',
  });
});
