/**
 * The request to a provider for the speech of a text; the response is raw samples.
 * https://platform.openai.com/docs/api-reference/audio/createSpeech, https://developers.deepgram.com/reference/text-to-speech/speak-request
 */
import type { ProviderKeys, Voice } from './job.ts';

/** One text in one voice. */
export type Speech = Readonly<{ voice: Voice; text: string }>;

/** All speech is raw 16-bit little-endian mono samples, this many a second. */
export const speechSampleRate = 24_000;

/** A POST. */
export type SpeechRequest = Readonly<{ url: string; headers: Readonly<Record<string, string>>; body: string }>;

export const speechRequestOf = ({ openai, deepgram }: ProviderKeys, { voice, text }: Speech): SpeechRequest => {
  const json = { 'content-type': 'application/json' };
  switch (voice.provider) {
    case 'openai':
      return {
        url: `${openai.baseUrl}/audio/speech`,
        headers: { ...json, authorization: `Bearer ${openai.apiKey}` },
        body: JSON.stringify({
          model: voice.model,
          voice: voice.voice,
          input: text,
          response_format: 'pcm',
          ...(voice.rate !== 1 && { speed: voice.rate }),
        }),
      };
    case 'deepgram': {
      const speed = speedOfAura(voice);
      const query = new URLSearchParams({
        model: voice.model,
        encoding: 'linear16',
        sample_rate: String(speechSampleRate),
        container: 'none',
        ...(speed !== 1 && { speed: String(speed) }),
      });
      return {
        url: `${deepgram.baseUrl.replace(/^ws/, 'http')}/v1/speak?${query.toString()}`,
        headers: { ...json, authorization: `Token ${deepgram.apiKey}` },
        body: JSON.stringify({ text }),
      };
    }
  }
};

const slowest = 0.7;
const fastest = 1.5;

/** Only aura-2 voices have a variable speed: https://developers.deepgram.com/docs/tts-voice-controls */
const speedOfAura = ({ model, rate }: Voice): number =>
  model.startsWith('aura-2') ? Math.min(fastest, Math.max(slowest, rate)) : 1;
