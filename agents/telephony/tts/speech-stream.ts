/** One request to a speech endpoint, read as the audio arrives. */
import { APIError, APIStatusError, APITimeoutError } from '@livekit/agents';
import type { SpeechRequest } from '#src/protocol/speech-request.ts';
import { final, toApiError } from '#src/framework/api-error.ts';

export type SpeechLimits = Readonly<{
  /** From sending until the first sound. */
  firstByteTimeoutMs: number;
  /** Between two chunks. */
  stallTimeoutMs: number;
}>;

/**
 * Yields 16-bit mono PCM at 24 kHz, an even number of bytes each time. Tries once more when it fails before the first sound,
 * never after it: half a sentence would be said twice.
 * @throws APIError of the framework (never retryable by others); nothing when `signal` is aborted: it just ends
 */
export async function* streamSpeech(
  request: SpeechRequest,
  limits: SpeechLimits,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let attempt = 1; ; attempt += 1) {
    let heard = false;
    try {
      for await (const pcm of evenChunks(attemptSpeech(request, limits, signal))) {
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

async function* attemptSpeech(
  request: SpeechRequest,
  limits: SpeechLimits,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const limit = new AbortController();
  let timer = setTimeout(() => limit.abort(), limits.firstByteTimeoutMs);
  try {
    const response = await ask(request, AbortSignal.any([signal, limit.signal]));
    if (response.body === null) return;
    for await (const chunk of response.body) {
      clearTimeout(timer);
      yield chunk;
      // The consumer's own time does not count: the timer runs only while we wait for the provider.
      timer = setTimeout(() => limit.abort(), limits.stallTimeoutMs);
    }
  } catch (error) {
    if (limit.signal.aborted && !signal.aborted) throw new APITimeoutError({ message: 'the speech endpoint stalled' });
    throw error;
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
}

const ask = async ({ url, ...init }: SpeechRequest, signal: AbortSignal): Promise<Response> => {
  const response = await fetch(url, { ...init, method: 'POST', signal });
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
