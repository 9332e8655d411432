/** What becomes of a call when a provider fails: a caller hears something soon, nothing is said twice, and the record is true. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defaultModels, defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { closeRtc, type Caller } from '#src/simulators/caller/caller.ts';
import { faultsBeforeTheFirstWord, faultsInTheMiddle } from '#test/support/llm-faults.ts';
import { finalRecords, startTestService, untilRecorded, type TestService } from '#test/support/service.ts';

const line = 'When are you open this week?';
const answer = 'We are open from eight to six, and on Friday until two.';
/** In ms since the caller's last word: what faults.md allows. */
const longestSilenceMs = 5_000;

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
  await service.providers.setScenario({ name: 'demo', caller: [line], repeat: true, otherwise: answer });
}, 300_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await closeRtc();
});

const quiet = (caller: Caller) => caller.whenAgentQuiet({ quietMs: 1_200, timeoutMs: 20_000 });

/** A caller who has heard the greeting. */
const greeted = async (): Promise<Caller> => {
  await service.providers.clearFaults();
  const caller = await service.phone({ agentName: 'telephony-agent' });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await quiet(caller);
  return caller;
};

/** Asks, and hears the agent out; how long it was silent, in ms. */
const ask = async (caller: Caller): Promise<number> => {
  const { lastSampleAt } = await caller.say(line);
  const heardAt = await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: lastSampleAt });
  await quiet(caller);
  return heardAt - lastSampleAt;
};

/** The end of a call whose caller hangs up, and what was said after the greeting. */
const hangUp = async (caller: Caller) => {
  await caller.hangUp();
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', endReason: 'caller_hangup' });
  expect(turns.map(({ seq }) => seq)).toEqual(turns.map((_, seq) => seq));
  return turns.slice(1).map(({ role, text }) => [role, text]);
};

describe('LLM 429, 500, hang, hang after headers, stall mid-stream, cut, garbage', () => {
  test.each(faultsBeforeTheFirstWord)(
    'the model fails once before it says anything (%j): the answer comes all the same',
    async (fault) => {
      const caller = await greeted();
      await service.providers.setFault({ service: 'llm', times: 1, ...fault });
      expect(await ask(caller)).toBeLessThan(longestSilenceMs);
      expect(await hangUp(caller)).toEqual([
        ['caller', line],
        ['agent', answer],
      ]);
    },
  );

  test.each(faultsInTheMiddle)(
    'the model breaks off (%s): no half sentence is repeated, an apology follows',
    async (kind) => {
      const caller = await greeted();
      await service.providers.setFault({ service: 'llm', times: 'all', kind, afterTokens: 8 });
      expect(await ask(caller)).toBeLessThan(longestSilenceMs);
      const turns = await hangUp(caller);
      const said = turns.filter(([role]) => role === 'agent').map(([, text]) => text);
      expect(said.at(-1)).toBe(defaultSystemMessages.apology);
      for (const text of said.slice(0, -1)) expect(answer.startsWith(text ?? '')).toBe(true);
      expect(said.length).toBeLessThanOrEqual(2);
    },
  );

  test('the model is down: an apology soon, and after the second a goodbye', async () => {
    const caller = await greeted();
    await service.providers.setFault({ service: 'llm', times: 'all', kind: 'status', status: 500 });
    expect(await ask(caller)).toBeLessThan(longestSilenceMs);
    await caller.say(line);
    expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
    const { call, turns } = await finalRecords(service, caller.call.room);
    expect(call).toMatchObject({ status: 'completed', endReason: 'agent_error' });
    expect(turns.slice(1).map(({ role, text }) => [role, text])).toEqual([
      ['caller', line],
      ['agent', defaultSystemMessages.apology],
      ['caller', line],
      ['agent', defaultSystemMessages.farewell],
    ]);
  });

  test('the model hangs for good, and the campaign names a second one: it answers, soon without waiting', async () => {
    await service.setCampaign({ secondLlmModel: 'gpt-4.1' });
    const caller = await greeted();
    const hanging = { service: 'llm', times: 'all', kind: 'hang', model: defaultModels.llm } as const;
    await service.providers.setFault(hanging);
    const silences = [await ask(caller), await ask(caller), await ask(caller)];
    const turns = await hangUp(caller);
    await service.setCampaign({ secondLlmModel: null });
    expect(Math.max(...silences)).toBeLessThan(longestSilenceMs);
    // Twice in vain: the first model isn't waited for any more.
    expect(silences[2]).toBeLessThan((silences[0] ?? 0) - 500);
    expect(turns.filter(([role]) => role === 'agent').map(([, text]) => text)).toEqual([answer, answer, answer]);
    expect((await service.providers.log()).lastChat).toMatchObject({ model: 'gpt-4.1' });
  });

  test.each(['openai', 'deepgram'])(
    'the model hangs for good: who waits hears so, in the voice of %s',
    async (provider) => {
      await service.setCampaign({ voiceProvider: provider });
      const caller = await greeted();
      await service.providers.setFault({ service: 'llm', times: 'all', kind: 'hang' });
      expect(await ask(caller)).toBeLessThan(longestSilenceMs);
      const turns = await hangUp(caller);
      await service.setCampaign({ voiceProvider: 'openai' });
      expect(turns).toEqual([
        ['caller', line],
        ['agent', defaultSystemMessages.hold],
      ]);
    },
  );
});

const voiceFaults = [
  { kind: 'status', status: 429 },
  { kind: 'status', status: 500 },
  { kind: 'empty' },
  { kind: 'stall', afterAudioMs: 0 },
] as const;

describe('TTS 429, 500, stall, empty, odd byte count', () => {
  afterEach(() => service.setCampaign({ voiceProvider: 'openai' }));

  test.each([
    ...voiceFaults.map((fault) => ['openai', fault] as const),
    ...voiceFaults.map((fault) => ['deepgram', fault] as const),
  ])('the voice of %s fails once before its first sound (%j): heard all the same', async (voiceProvider, fault) => {
    await service.setCampaign({ voiceProvider });
    const caller = await greeted();
    await service.providers.setFault({ service: 'tts', times: 1, ...fault });
    expect(await ask(caller)).toBeLessThan(longestSilenceMs);
    expect(await hangUp(caller)).toEqual([
      ['caller', line],
      ['agent', answer],
    ]);
  });

  test('half a sample at the end of a sound: nothing of it is heard', async () => {
    const caller = await greeted();
    await service.providers.setFault({ service: 'tts', times: 'all', kind: 'oddBytes' });
    expect(await ask(caller)).toBeLessThan(longestSilenceMs);
    expect(await hangUp(caller)).toEqual([
      ['caller', line],
      ['agent', answer],
    ]);
  });

  test('the voice stalls in the middle: no half sentence is repeated, a prepared apology follows', async () => {
    const caller = await greeted();
    await service.providers.setFault({ service: 'tts', times: 'all', kind: 'stall', afterAudioMs: 300 });
    await caller.say(line);
    const isSorry = ({ turns }: { turns: { text: string }[] }) => turns.at(-1)?.text === defaultSystemMessages.apology;
    await untilRecorded(service, caller.call.room, isSorry, 20_000);
    const turns = await hangUp(caller);
    const said = turns.filter(([role]) => role === 'agent').map(([, text]) => text);
    expect(said.at(-1)).toBe(defaultSystemMessages.apology);
    for (const text of said.slice(0, -1)) expect(answer.startsWith(text ?? '')).toBe(true);
    expect(said.length).toBeLessThanOrEqual(2);
  });
});

describe('STT socket dropped at start, middle, end of an utterance; hung connect; silent socket; 429', () => {
  test.each([
    ['drops as the caller begins', { kind: 'dropAfterMs', since: 'speech', ms: 0 }],
    ['drops in the middle', { kind: 'dropAfterMs', since: 'speech', ms: 600 }],
    ['drops at the end', { kind: 'dropAtFinal' }],
    ['falls silent', { kind: 'silent' }],
  ] as const)("the caller's transcription %s: every word is understood, once", async (_what, fault) => {
    const caller = await greeted();
    await service.providers.setFault({ service: 'stt', times: 1, ...fault });
    expect(await ask(caller)).toBeLessThan(longestSilenceMs);
    expect(await hangUp(caller)).toEqual([
      ['caller', line],
      ['agent', answer],
    ]);
  });

  test.each(['hangConnect', 'refuse429'] as const)(
    'a transcription that %s at first: heard all the same',
    async (kind) => {
      await service.providers.clearFaults();
      await service.providers.setFault({ service: 'stt', times: 1, kind });
      const caller = await service.phone({ agentName: 'telephony-agent' });
      await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
      await quiet(caller);
      expect(await ask(caller)).toBeLessThan(longestSilenceMs);
      expect(await hangUp(caller)).toEqual([
        ['caller', line],
        ['agent', answer],
      ]);
    },
  );
});

describe('STT socket dropped at start, middle, end of an utterance; hung connect; silent socket; 429', () => {
  test('no transcription can be had at all: a goodbye instead of a deaf agent', async () => {
    await service.providers.clearFaults();
    await service.providers.setFault({ service: 'stt', times: 'all', kind: 'refuse429' });
    const caller = await service.phone({ agentName: 'telephony-agent' });
    expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
    const { call, turns } = await finalRecords(service, caller.call.room);
    expect(call).toMatchObject({ status: 'completed', endReason: 'agent_error' });
    expect(turns.map(({ text }) => text)).toEqual([defaultSystemMessages.greeting, defaultSystemMessages.farewell]);
  });
});

describe('the caller speaks, and no word arrives', () => {
  test('they are asked to say it again; after the third time a goodbye', async () => {
    await service.providers.setScenario({ name: 'demo', caller: [], otherwise: answer });
    const caller = await greeted();
    for (let times = 1; times <= 2; times++) expect(await ask(caller)).toBeLessThan(longestSilenceMs);
    await caller.say(line);
    expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
    const { call, turns } = await finalRecords(service, caller.call.room);
    expect(call).toMatchObject({ status: 'completed', endReason: 'agent_error' });
    expect(turns.slice(1).map(({ role, text }) => [role, text])).toEqual([
      ['agent', defaultSystemMessages.apology],
      ['agent', defaultSystemMessages.apology],
      ['agent', defaultSystemMessages.farewell],
    ]);
    const events = await service.ctx.db.callEvent.findMany({ where: { callId: call.id, type: 'failure' } });
    expect(events).toHaveLength(3);
  });
});
