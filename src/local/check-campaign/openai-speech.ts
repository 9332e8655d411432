/** The words of a caller where espeak, a development dependency, isn't installed: OpenAI's speech says them. */
import { defaultModels } from '../../campaigns/campaign.ts';
import type { Provider } from '../../config.ts';
import { AppError } from '../../errors.ts';

/** Samples per second of OpenAI's `pcm`. */
export const openaiSampleRate = 24_000;

const timeoutMs = 15_000;
/** Another voice than the agent's. */
const voice = 'onyx';

/**
 * The samples of a text, 16-bit mono.
 * @throws AppError `local_mode` where OpenAI refuses or doesn't answer within 15 s
 */
export const synthesizeWithOpenai = async ({ apiKey, baseUrl }: Provider, text: string): Promise<Int16Array> => {
  const { model } = defaultModels.voice.openai;
  const response = await fetch(`${baseUrl}/audio/speech`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, voice, input: text, response_format: 'pcm' }),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    throw new AppError('local_mode', `OpenAI (${baseUrl}) did not speak the line`, { cause: error });
  });
  const bytes = await response.arrayBuffer();
  if (response.ok) return new Int16Array(bytes, 0, Math.floor(bytes.byteLength / 2));
  const why = response.status === 401 ? ': it refuses OPENAI_API_KEY' : '';
  throw new AppError(
    'local_mode',
    `OpenAI (${baseUrl}) did not speak the line, and answered ${response.status}${why}.`,
  );
};
