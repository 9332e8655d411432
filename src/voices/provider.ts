/** Asks a provider for a speech, whole. */
import type { CallConfig } from '../config.ts';
import { describeError } from '../errors.ts';
import { largestBytes, problemOfSound, sampleRate, type Speech } from './prepared-speech.ts';

export type SpeechProviders = Pick<CallConfig, 'openai' | 'deepgram'>;

/** `detail` names the failure, never the text or a key. */
export type Synthesised = Readonly<{ kind: 'sound'; pcm: Buffer }> | Readonly<{ kind: 'failed'; detail: string }>;

const timeoutMs = 30_000;

/** The whole sound of a speech. Asks once; does not reject for what the provider or the network does. */
export const synthesise = async (
  providers: SpeechProviders,
  speech: Speech,
  signal: AbortSignal,
): Promise<Synthesised> => {
  try {
    const limits = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const { url, ...init } = requestOf(providers, speech);
    const response = await fetch(url, { ...init, method: 'POST', signal: limits });
    if (!response.ok) {
      await response.body?.cancel();
      return { kind: 'failed', detail: `status ${response.status}` };
    }
    const pcm = await readAtMost(response, largestBytes);
    const problem = pcm === null ? 'too long' : problemOfSound(pcm, speech.text);
    return pcm === null || problem !== null
      ? { kind: 'failed', detail: problem ?? 'too long' }
      : { kind: 'sound', pcm };
  } catch (error) {
    return { kind: 'failed', detail: describeError(error) };
  }
};

type Asked = Readonly<{ url: string; headers: Record<string, string>; body: string }>;

const requestOf = ({ openai, deepgram }: SpeechProviders, { voice, text }: Speech): Asked => {
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
      const query = new URLSearchParams({
        model: voice.model,
        encoding: 'linear16',
        sample_rate: String(sampleRate),
        container: 'none',
        ...(voice.rate !== 1 && { speed: String(voice.rate) }),
      });
      return {
        url: `${deepgram.baseUrl.replace(/^ws/, 'http')}/v1/speak?${query.toString()}`,
        headers: { ...json, authorization: `Token ${deepgram.apiKey}` },
        body: JSON.stringify({ text }),
      };
    }
  }
};

/** The body; null where it is larger than that, which is then not read to its end. */
const readAtMost = async (response: Response, bytes: number): Promise<Buffer | null> => {
  const chunks: Uint8Array[] = [];
  let read = 0;
  for await (const chunk of response.body ?? []) {
    read += chunk.length;
    if (read > bytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};
