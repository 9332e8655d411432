/** One request to OpenAI's speech endpoint, read as the audio arrives. */
import { APIError, APIStatusError, APITimeoutError } from '@livekit/agents';
import { final, toApiError } from './failure.ts';

export type SpeechRequest = {
  baseUrl: string;
  apiKey: string;
  model: string;
  voice: string;
  /** 1 is the voice's own speed. */
  speed: number;
  text: string;
  /** From sending until the first sound. */
  firstByteTimeoutMs: number;
  /** Between two chunks. */
  stallTimeoutMs: number;
};

export const speechSampleRate = 24_000;

/**
 * Yields 16-bit mono PCM at 24 kHz, an even number of bytes each time. Tries once more when it fails before the first sound,
 * never after it: half a sentence would be said twice.
 * @throws APIError of the framework (never retryable by others); nothing when `signal` is aborted: it just ends
 */
export async function* streamSpeech(request: SpeechRequest, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let attempt = 1; ; attempt += 1) {
    let heard = false;
    try {
      for await (const pcm of evenChunks(attemptSpeech(request, signal))) {
        heard = true;
        yield pcm;
      }
      if (heard || signal.aborted) return;
      throw new APIError('the speech endpoint answered without any audio');
    } catch (error) {
      if (signal.aborted) return;
      const known = toApiError(error);
      if (heard || attempt === 2 || !known.retryable) throw final(known);
    }
  }
}

async function* attemptSpeech(request: SpeechRequest, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const limit = new AbortController();
  let timer = setTimeout(() => limit.abort(), request.firstByteTimeoutMs);
  try {
    const response = await ask(request, AbortSignal.any([signal, limit.signal]));
    if (response.body === null) return;
    for await (const chunk of response.body) {
      clearTimeout(timer);
      yield chunk;
      // The consumer's own time does not count: the timer runs only while we wait for the provider.
      timer = setTimeout(() => limit.abort(), request.stallTimeoutMs);
    }
  } catch (error) {
    if (limit.signal.aborted && !signal.aborted) throw new APITimeoutError({ message: 'the speech endpoint stalled' });
    throw error;
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
}

const ask = async (request: SpeechRequest, signal: AbortSignal): Promise<Response> => {
  const response = await fetch(`${request.baseUrl}/audio/speech`, {
    method: 'POST',
    signal,
    headers: { authorization: `Bearer ${request.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: request.model,
      voice: request.voice,
      input: request.text,
      response_format: 'pcm',
      ...(request.speed !== 1 && { speed: request.speed }),
    }),
  });
  if (response.ok) return response;
  const statusCode = response.status;
  await response.body?.cancel();
  throw new APIStatusError({ message: `the speech endpoint answered ${statusCode}`, options: { statusCode } });
};

/** Chunks end anywhere; a sample has two bytes. A single byte left at the end is dropped. */
async function* evenChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let odd: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const all = odd.length === 0 ? chunk : Buffer.concat([odd, chunk]);
    const even = all.length - (all.length % 2);
    odd = all.subarray(even);
    if (even > 0) yield all.subarray(0, even);
  }
}
