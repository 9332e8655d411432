/** Asks a provider for a speech, whole. */
import type { CallConfig } from '../config.ts';
import { describeError } from '../errors.ts';
import { largestBytes, problemOfSound } from './speech.ts';
import { speechRequestOf, type Speech } from '../protocol/speech-request.ts';

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
    const { url, ...init } = speechRequestOf(providers, speech);
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
