/** Requests the complete audio of a speech from its provider. */
import type { CallConfig } from '../config.ts';
import { describeError } from '../errors.ts';
import { maxSpeechBytes, findAudioProblem } from './speech.ts';
import { speechRequestOf, type Speech } from '../protocol/speech-request.ts';

type SpeechProviders = Pick<CallConfig, 'openai' | 'deepgram'>;

/** `detail` describes the failure; it contains neither the text nor a key. */
type Synthesized = Readonly<{ kind: 'audio'; pcm: Buffer }> | Readonly<{ kind: 'failed'; detail: string }>;

const timeoutMs = 30_000;

/** The complete audio of a speech. Makes one attempt; failures of the provider or the network are returned, not thrown. */
export const synthesize = async (
  providers: SpeechProviders,
  speech: Speech,
  signal: AbortSignal,
): Promise<Synthesized> => {
  try {
    const limits = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const { url, ...init } = speechRequestOf(providers, speech);
    const response = await fetch(url, { ...init, method: 'POST', signal: limits });
    if (!response.ok) {
      await response.body?.cancel();
      return { kind: 'failed', detail: `status ${response.status}` };
    }
    const pcm = await readAtMost(response, maxSpeechBytes);
    const problem = pcm === null ? 'too long' : findAudioProblem(pcm, speech.text);
    return pcm === null || problem !== null
      ? { kind: 'failed', detail: problem ?? 'too long' }
      : { kind: 'audio', pcm };
  } catch (error) {
    return { kind: 'failed', detail: describeError(error) };
  }
};

/** The body; null if it is larger than `maxBytes`. */
const readAtMost = async (response: Response, maxBytes: number): Promise<Buffer | null> => {
  const chunks: Uint8Array[] = [];
  let read = 0;
  for await (const chunk of response.body ?? []) {
    read += chunk.length;
    if (read > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};
