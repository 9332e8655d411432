/** Looks that are one HTTP request. */
import { z } from 'zod';
import type { Config } from '../config.ts';
import { describeError } from '../errors.ts';
import { failed, seen, type Look } from './check.ts';
import type { ProviderSeen, ServiceSeen } from './probe-results.ts';

/** A service's health waits 5 s for LiveKit. */
const timeoutMs = 8_000;

/** Why a request came to nothing, after "it": could not be reached, or did not answer in time. */
export const whyNoAnswer = (error: unknown): string =>
  error instanceof Error && error.name === 'TimeoutError'
    ? `did not answer within ${timeoutMs / 1000} s`
    : `could not be reached: ${describeError(error instanceof Error && error.cause !== undefined ? error.cause : error)}`;

/** One request, answer and body, within the time limit. */
export const ask = async (url: string, init: RequestInit = {}): Promise<Readonly<{ status: number; text: string }>> => {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  return { status: response.status, text: await response.text() };
};

/** Where the service is asked: as the world does, else on this machine. */
export const serviceUrl = ({ publicUrl, host, port }: Config): string => {
  if (publicUrl !== null) return publicUrl;
  const isAny = host === '0.0.0.0' || host === '::';
  return `http://${isAny ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
};

const healthBody = z.object({ database: z.string(), livekit: z.string(), worker: z.string() });

const parsed = (text: string): ServiceSeen | null => {
  try {
    return healthBody.parse(JSON.parse(text));
  } catch {
    return null; // whatever it is, it isn't ours: that is the answer
  }
};

/** GET /api/v1/webhooks/health of the running service. */
export const lookAtService = async (config: Config): Promise<Look<ServiceSeen>> => {
  const url = serviceUrl(config);
  const isPublic = config.publicUrl !== null;
  try {
    const { status, text } = await ask(`${url}/api/v1/webhooks/health`);
    const health = parsed(text);
    if (health !== null) return seen(health);
    const what = `${url} answers, but not as this service does (${status}).`;
    return failed(
      'service_unknown',
      what,
      isPublic ? 'let PUBLIC_URL lead to the service' : 'set PORT to the service’s',
    );
  } catch (error) {
    const mend = isPublic ? 'start the service (npm start), and let PUBLIC_URL lead to it' : 'npm start';
    return failed('service_unreachable', `The service at ${url} ${whyNoAnswer(error)}.`, mend);
  }
};

const lookAtProvider = async (
  name: string,
  url: string,
  authorization: string,
  variable: string,
): Promise<Look<ProviderSeen>> => {
  try {
    const { status } = await ask(url, { headers: { authorization } });
    return seen({ status });
  } catch (error) {
    const { host } = new URL(url);
    return failed(
      'provider_unavailable',
      `${name} (${host}) ${whyNoAnswer(error)}.`,
      `let ${variable} lead to ${name}`,
    );
  }
};

const keyMissing = (name: string, variable: string): Look<never> =>
  failed('provider_key_missing', `${variable} is not set.`, `set ${variable} to your ${name} key`);

/** Asks Deepgram about the key (https://developers.deepgram.com/docs/authenticating). */
export const lookAtDeepgram = async ({ deepgram }: Config): Promise<Look<ProviderSeen>> => {
  if (deepgram === null) return keyMissing('Deepgram', 'DEEPGRAM_API_KEY');
  const url = `${deepgram.baseUrl.replace(/^ws/, 'http')}/v1/auth/token`;
  return lookAtProvider('Deepgram', url, `Token ${deepgram.apiKey}`, 'DEEPGRAM_BASE_URL');
};

/** Lists OpenAI's models, which costs nothing. */
export const lookAtOpenai = async ({ openai }: Config): Promise<Look<ProviderSeen>> => {
  if (openai === null) return keyMissing('OpenAI', 'OPENAI_API_KEY');
  return lookAtProvider('OpenAI', `${openai.baseUrl}/models`, `Bearer ${openai.apiKey}`, 'OPENAI_BASE_URL');
};
