import { expect, test } from 'vitest';
import { standardModels, voiceOf } from '#src/campaigns/campaign.ts';

test.each([
  [null, null, standardModels.voice.deepgram.model],
  ['aura-2-thalia-en', null, 'aura-2-thalia-en'],
  [null, 'aura-asteria-en', 'aura-asteria-en'],
  ['alloy', 'aura-asteria-en', 'aura-asteria-en'],
  ['alloy', null, standardModels.voice.deepgram.model],
])('a voice of Deepgram, set as voice %s and model %s, is the model %s', (voice, voiceModel, model) => {
  expect(voiceOf({ voiceProvider: 'deepgram', voice, voiceModel })).toEqual({
    provider: 'deepgram',
    model,
    voice: model,
  });
});

test("a voice of OpenAI is one of its model's", () => {
  const set = { voiceProvider: 'openai', voice: 'coral', voiceModel: null } as const;
  expect(voiceOf(set)).toEqual({ provider: 'openai', model: standardModels.voice.openai.model, voice: 'coral' });
});
