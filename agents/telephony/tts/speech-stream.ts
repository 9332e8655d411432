/** One request to a speech endpoint. The audio is read as it arrives. */
import { APIError, APIStatusError, APITimeoutError } from '@livekit/agents';
import type { SpeechRequest } from '#src/protocol/speech-request.ts';
import { notRetryable, toApiError } from '#src/framework/api-error.ts';

export type SpeechLimits = Readonly<{
  /** From the request to the first audio. */
  firstByteTimeoutMs: number;
  /** Between two chunks. */
  stallTimeoutMs: number;
}>;

/**
 * Yields 16-bit mono PCM at 24 kHz, in chunks with an even number of bytes. Retries once if it fails before the first audio, but never
 * later, because half a sentence would be said twice. Just ends when `signal` is aborted.
 * @throws APIError, never retryable
 */
export async function* streamSpeech(
  request: SpeechRequest,
  limits: SpeechLimits,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let attempt = 1; ; attempt += 1) {
    let hasAudio = false;
    try {
      for await (const pcm of evenChunks(attemptSpeech(request, limits, signal))) {
        hasAudio = true;
        yield pcm;
      }
      if (hasAudio || signal.aborted) return;
      throw new APIError('the speech endpoint answered without any audio');
    } catch (error) {
      if (signal.aborted) return;
      const known = toApiError(error);
      if (hasAudio || attempt === 2 || !known.retryable) throw notRetryable(known);
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
    const response = await post(request, AbortSignal.any([signal, limit.signal]));
    if (response.body === null) return;
    for await (const chunk of response.body) {
      clearTimeout(timer);
      yield chunk;
      // The timer runs only while we wait for the provider, not while the consumer works.
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

const post = async ({ url, ...init }: SpeechRequest, signal: AbortSignal): Promise<Response> => {
  const response = await fetch(url, { ...init, method: 'POST', signal });
  if (response.ok) return response;
  const statusCode = response.status;
  await response.body?.cancel();
  throw new APIStatusError({ message: `the speech endpoint answered ${statusCode}`, options: { statusCode } });
};

/** Rearranges chunks of any size into chunks of whole samples of two bytes. An odd byte at the end is dropped. */
async function* evenChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let odd: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const all = odd.length === 0 ? chunk : Buffer.concat([odd, chunk]);
    const even = all.length - (all.length % 2);
    odd = all.subarray(even);
    if (even > 0) yield all.subarray(0, even);
  }
}
