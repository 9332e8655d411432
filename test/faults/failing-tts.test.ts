/** The voice fails during a call: the caller hears something soon, nothing is said twice, and the record is correct. */
import { afterEach, describe, expect, test } from 'vitest';
import { defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { untilRecorded } from '#test/support/service.ts';
import { longestSilenceMs, useProviderCalls } from './provider-calls.ts';
import { answer, ask, line, representative } from './talk.ts';

const { service, greeted, hangUp } = useProviderCalls();

const voiceFaults = [
  { kind: 'status', status: 429 },
  { kind: 'status', status: 500 },
  { kind: 'empty' },
  { kind: 'stall', afterAudioMs: 0 },
] as const;

describe('TTS 429, 500, stall, empty, odd byte count', () => {
  afterEach(() => service().setCampaign({ voiceProvider: 'openai' }));

  test.each([
    ...representative(voiceFaults, ({ kind }) => kind === 'stall').map((fault) => ['openai', fault] as const),
    ...representative(voiceFaults, ({ kind }) => kind === 'empty').map((fault) => ['deepgram', fault] as const),
  ])('the voice of %s fails once before its first sound (%j): heard all the same', async (voiceProvider, fault) => {
    await service().setCampaign({ voiceProvider });
    const caller = await greeted();
    await service().providers.setFault({ service: 'tts', times: 1, ...fault });
    expect(await ask(caller)).toBeLessThan(longestSilenceMs);
    expect(await hangUp(caller)).toEqual([
      ['caller', line],
      ['agent', answer],
    ]);
  });

  test('half a sample at the end of a sound: nothing of it is heard', async () => {
    const caller = await greeted();
    await service().providers.setFault({ service: 'tts', times: 'all', kind: 'oddBytes' });
    expect(await ask(caller)).toBeLessThan(longestSilenceMs);
    expect(await hangUp(caller)).toEqual([
      ['caller', line],
      ['agent', answer],
    ]);
  });

  test('the voice stalls in the middle: no half sentence is repeated, a prepared apology follows', async () => {
    const caller = await greeted();
    await service().providers.setFault({ service: 'tts', times: 'all', kind: 'stall', afterAudioMs: 300 });
    await caller.say(line);
    const isSorry = ({ turns }: { turns: { text: string }[] }) => turns.at(-1)?.text === defaultSystemMessages.apology;
    await untilRecorded(service(), caller.call.room, isSorry, 20_000);
    const turns = await hangUp(caller);
    const said = turns.filter(([role]) => role === 'agent').map(([, text]) => text);
    expect(said.at(-1)).toBe(defaultSystemMessages.apology);
    for (const text of said.slice(0, -1)) expect(answer.startsWith(text ?? '')).toBe(true);
    expect(said.length).toBeLessThanOrEqual(2);
  });
});
