/** The simulated caller's speech without espeak, which is a development dependency: OpenAI speaks it. */
import { defaultModels } from '../../campaigns/campaign.ts';
import type { Provider } from '../../config.ts';
import { AppError } from '../../errors.ts';

/** Samples per second of OpenAI's `pcm`. */
export const openaiSampleRate = 24_000;

const timeoutMs = 15_000;
/** Not the agent's voice. */
const voice = 'onyx';

/**
 * @returns 16-bit mono
 * @throws AppError `local_mode` if OpenAI refuses, or doesn't respond within 15 s
 */
export const synthesizeWithOpenai = async ({ apiKey, baseUrl }: Provider, text: string): Promise<Int16Array> => {
  const { model } = defaultModels.voice.openai;
  const response = await fetch(`${baseUrl}/audio/speech`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, voice, input: text, response_format: 'pcm' }),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    throw new AppError(
      'local_mode',
      `The caller's speech could not be synthesized: no response from OpenAI (${baseUrl})`,
      {
        cause: error,
      },
    );
  });
  const bytes = await response.arrayBuffer();
  if (response.ok) return new Int16Array(bytes, 0, Math.floor(bytes.byteLength / 2));
  const reason = response.status === 401 ? ': OPENAI_API_KEY is invalid' : '';
  throw new AppError(
    'local_mode',
    `The caller's speech could not be synthesized: OpenAI (${baseUrl}) responded with ${response.status}${reason}.`,
  );
};
