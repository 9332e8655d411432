/** Transcription fails during a call: the caller hears something soon, every word is understood, and the record is correct. */
import { describe, expect, test } from 'vitest';
import { defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { finalRecords } from '#test/support/service.ts';
import { longestSilenceMs, useProviderCalls } from './provider-calls.ts';
import { answer, ask, line, quiet, representative } from './talk.ts';

const { service, greeted, hangUp } = useProviderCalls();

describe('STT socket dropped at start, middle, end of an utterance; hung connect; silent socket; 429', () => {
  const whileSpeaking = [
    ['drops as the caller begins', { kind: 'dropAfterMs', since: 'speech', ms: 0 }],
    ['drops in the middle', { kind: 'dropAfterMs', since: 'speech', ms: 600 }],
    ['drops at the end', { kind: 'dropAtFinal' }],
    ['falls silent', { kind: 'silent' }],
  ] as const;
  const isRepresentative = ([what]: (typeof whileSpeaking)[number]) => what === 'drops in the middle';
  test.each(representative(whileSpeaking, isRepresentative))(
    "the caller's transcription %s: every word is understood, once",
    async (_what, fault) => {
      const caller = await greeted();
      await service().providers.setFault({ service: 'stt', times: 1, ...fault });
      expect(await ask(caller)).toBeLessThan(longestSilenceMs);
      expect(await hangUp(caller)).toEqual([
        ['caller', line],
        ['agent', answer],
      ]);
    },
  );

  test.each(representative(['hangConnect', 'refuse429'] as const, (kind) => kind === 'refuse429'))(
    'a transcription that %s at first: heard all the same',
    async (kind) => {
      await service().providers.setFault({ service: 'stt', times: 1, kind });
      const caller = await service().phone({ agentName: service().agentName });
      await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
      await quiet(caller);
      expect(await ask(caller)).toBeLessThan(longestSilenceMs);
      expect(await hangUp(caller)).toEqual([
        ['caller', line],
        ['agent', answer],
      ]);
    },
  );

  test('no transcription can be had at all: a goodbye instead of a deaf agent', async () => {
    await service().providers.setFault({ service: 'stt', times: 'all', kind: 'refuse429' });
    const caller = await service().phone({ agentName: service().agentName });
    expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
    const { call, turns } = await finalRecords(service(), caller.call.room);
    expect(call).toMatchObject({ status: 'completed', endReason: 'agent_error' });
    expect(turns.map(({ text }) => text)).toEqual([defaultSystemMessages.greeting, defaultSystemMessages.farewell]);
  });
});

describe('the caller speaks, and no word arrives', () => {
  test('they are asked to say it again; after the third time a goodbye', async () => {
    await service().providers.setScenario({ name: 'demo', caller: [], otherwise: answer });
    const caller = await greeted();
    for (let times = 1; times <= 2; times++) expect(await ask(caller)).toBeLessThan(longestSilenceMs);
    await caller.say(line);
    expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
    const { call, turns } = await finalRecords(service(), caller.call.room);
    expect(call).toMatchObject({ status: 'completed', endReason: 'agent_error' });
    expect(turns.slice(1).map(({ role, text }) => [role, text])).toEqual([
      ['agent', defaultSystemMessages.apology],
      ['agent', defaultSystemMessages.apology],
      ['agent', defaultSystemMessages.farewell],
    ]);
    const events = await service().ctx.db.callEvent.findMany({ where: { callId: call.id, type: 'failure' } });
    expect(events).toHaveLength(3);
  });
});
