import { expect, test } from 'vitest';
import { speechRequestOf } from '#src/protocol/speech-request.ts';

const providers = {
  openai: { baseUrl: 'https://api.openai.test/v1', apiKey: 'openai-key' },
  deepgram: { baseUrl: 'wss://api.deepgram.test', apiKey: 'deepgram-key' },
};
const text = 'Hello there.';

test("OpenAI is asked for plain samples, at another speed than the voice's own only where that is wanted", () => {
  const voice = { provider: 'openai', model: 'gpt-4o-mini-tts', voice: 'alloy', rate: 1 } as const;
  const { url, headers, body } = speechRequestOf(providers, { voice, text });
  expect(url).toBe('https://api.openai.test/v1/audio/speech');
  expect(headers).toMatchObject({ authorization: 'Bearer openai-key' });
  expect(JSON.parse(body)).toEqual({ model: 'gpt-4o-mini-tts', voice: 'alloy', input: text, response_format: 'pcm' });
  const faster = speechRequestOf(providers, { voice: { ...voice, rate: 1.2 }, text });
  expect(JSON.parse(faster.body)).toMatchObject({ speed: 1.2 });
});

test.each([
  ['aura-2-thalia-en', 1, null],
  ['aura-2-thalia-en', 0.8, '0.8'],
  ['aura-2-thalia-en', 0.6, '0.7'],
  ['aura-2-thalia-en', 2, '1.5'],
  ['aura-asteria-en', 0.8, null], // has no other speed
])('Deepgram, %s at the rate %d: asked for %j', (model, rate, speed) => {
  const { url, headers, body } = speechRequestOf(providers, {
    voice: { provider: 'deepgram', model, voice: model, rate },
    text,
  });
  const { origin, pathname, searchParams } = new URL(url);
  expect([origin, pathname]).toEqual(['https://api.deepgram.test', '/v1/speak']);
  expect(Object.fromEntries(searchParams)).toMatchObject({ model, encoding: 'linear16', container: 'none' });
  expect(searchParams.get('speed')).toBe(speed);
  expect(headers).toMatchObject({ authorization: 'Token deepgram-key' });
  expect(JSON.parse(body)).toEqual({ text });
});
