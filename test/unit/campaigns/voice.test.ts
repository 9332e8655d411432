import { expect, test } from 'vitest';
import { problemsOfSettings, defaultModels, defaultSettings, voiceOf } from '#src/campaigns/campaign.ts';

test.each([
  [null, null, defaultModels.voice.deepgram.model],
  ['aura-2-thalia-en', null, 'aura-2-thalia-en'],
  [null, 'aura-asteria-en', 'aura-asteria-en'],
  ['alloy', 'aura-asteria-en', 'aura-asteria-en'],
  ['alloy', null, defaultModels.voice.deepgram.model],
])('a voice of Deepgram, set as voice %s and model %s, is the model %s', (voice, voiceModel, model) => {
  expect(voiceOf({ voiceProvider: 'deepgram', voice, voiceModel, speakingRate: 0.9 })).toEqual({
    provider: 'deepgram',
    model,
    voice: model,
    rate: 0.9,
  });
});

test("a voice of OpenAI is one of its model's", () => {
  const set = { voiceProvider: 'openai', voice: 'coral', voiceModel: null, speakingRate: 1 } as const;
  const { model } = defaultModels.voice.openai;
  expect(voiceOf(set)).toEqual({ provider: 'openai', model, voice: 'coral', rate: 1 });
});

test.each([
  ['openai', null, 0.5, null],
  ['openai', null, 2, null],
  ['deepgram', null, 1, null],
  ['deepgram', null, 0.7, null],
  ['deepgram', null, 1.5, null],
  ['deepgram', null, 1.6, /between 0.7 and 1.5/],
  ['deepgram', null, 0.6, /between 0.7 and 1.5/],
  ['deepgram', 'aura-asteria-en', 1.1, /aura-asteria-en/],
  ['deepgram', 'aura-asteria-en', 1, null],
] as const)('%s, voice %s, at the rate %d: %s', (voiceProvider, voice, speakingRate, problem) => {
  const problems = problemsOfSettings({ ...defaultSettings, voiceProvider, voice, speakingRate });
  expect(problems).toEqual(problem === null ? [] : [expect.stringMatching(problem)]);
});
