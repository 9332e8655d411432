/** The model fails during a call: the caller hears something soon, nothing is said twice, and the record is correct. */
import { describe, expect, test } from 'vitest';
import { defaultModels, defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { faultsBeforeTheFirstWord, faultsInTheMiddle } from '#test/support/llm-faults.ts';
import { finalRecords } from '#test/support/service.ts';
import { longestSilenceMs, useProviderCalls } from './provider-calls.ts';
import { answer, ask, line, representative } from './talk.ts';

const { service, greeted, hangUp } = useProviderCalls();

describe('LLM 429, 500, hang, hang after headers, stall mid-stream, cut, garbage', () => {
  test.each(representative(faultsBeforeTheFirstWord, ({ kind }) => kind === 'hang'))(
    'the model fails once before it says anything (%j): the answer comes all the same',
    async (fault) => {
      const caller = await greeted();
      await service().providers.setFault({ service: 'llm', times: 1, ...fault });
      expect(await ask(caller)).toBeLessThan(longestSilenceMs);
      expect(await hangUp(caller)).toEqual([
        ['caller', line],
        ['agent', answer],
      ]);
    },
  );

  test.each(representative(faultsInTheMiddle, (kind) => kind === 'cut'))(
    'the model breaks off (%s): no half sentence is repeated, an apology follows',
    async (kind) => {
      const caller = await greeted();
      await service().providers.setFault({ service: 'llm', times: 'all', kind, afterTokens: 8 });
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
    await service().providers.setFault({ service: 'llm', times: 'all', kind: 'status', status: 500 });
    expect(await ask(caller)).toBeLessThan(longestSilenceMs);
    await caller.say(line);
    expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
    const { call, turns } = await finalRecords(service(), caller.call.room);
    expect(call).toMatchObject({ status: 'completed', endReason: 'agent_error' });
    expect(turns.slice(1).map(({ role, text }) => [role, text])).toEqual([
      ['caller', line],
      ['agent', defaultSystemMessages.apology],
      ['caller', line],
      ['agent', defaultSystemMessages.farewell],
    ]);
  });

  test('the model hangs for good, and the campaign names a second one: it answers, soon without waiting', async () => {
    await service().setCampaign({ secondLlmModel: 'gpt-4.1' });
    const caller = await greeted();
    const hanging = { service: 'llm', times: 'all', kind: 'hang', model: defaultModels.llm } as const;
    await service().providers.setFault(hanging);
    const silences = [await ask(caller), await ask(caller), await ask(caller)];
    const turns = await hangUp(caller);
    await service().setCampaign({ secondLlmModel: null });
    expect(Math.max(...silences)).toBeLessThan(longestSilenceMs);
    // Twice in vain: the first model isn't waited for any more.
    expect(silences[2]).toBeLessThan((silences[0] ?? 0) - 500);
    expect(turns.filter(([role]) => role === 'agent').map(([, text]) => text)).toEqual([answer, answer, answer]);
    expect((await service().providers.log()).lastChat).toMatchObject({ model: 'gpt-4.1' });
  });

  test.each(representative(['openai', 'deepgram'], (provider) => provider === 'openai'))(
    'the model hangs for good: who waits hears so, in the voice of %s',
    async (provider) => {
      await service().setCampaign({ voiceProvider: provider });
      const caller = await greeted();
      await service().providers.setFault({ service: 'llm', times: 'all', kind: 'hang' });
      expect(await ask(caller)).toBeLessThan(longestSilenceMs);
      const turns = await hangUp(caller);
      await service().setCampaign({ voiceProvider: 'openai' });
      expect(turns).toEqual([
        ['caller', line],
        ['agent', defaultSystemMessages.hold],
      ]);
    },
  );
});
