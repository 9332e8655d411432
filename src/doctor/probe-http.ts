/** Probes that are a single HTTP request. */
import { z } from 'zod';
import type { Config } from '../config.ts';
import { describeError } from '../errors.ts';
import { probeFailed, probed, type ProbeResult } from './check.ts';
import type { ProviderAnswer, ServiceHealth } from './probe-results.ts';

/** The service's health check itself waits up to 5 s for LiveKit. */
const timeoutMs = 8_000;

/** Why a request failed, as the predicate of a sentence. */
export const noAnswerReason = (error: unknown): string =>
  error instanceof Error && error.name === 'TimeoutError'
    ? `did not respond within ${timeoutMs / 1000} s`
    : `is unreachable: ${describeError(error instanceof Error && error.cause !== undefined ? error.cause : error)}`;

/** Sends a request and reads the whole response, within the time limit. */
export const httpRequest = async (
  url: string,
  init: RequestInit = {},
): Promise<Readonly<{ status: number; text: string }>> => {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  return { status: response.status, text: await response.text() };
};

/** The service's public address, or its address on this machine. */
const serviceUrl = ({ publicUrl, host, port }: Config): string => {
  if (publicUrl !== null) return publicUrl;
  const isAny = host === '0.0.0.0' || host === '::';
  return `http://${isAny ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
};

const healthBody = z.object({ database: z.string(), livekit: z.string(), worker: z.string() });

const parsed = (text: string): ServiceHealth | null => {
  try {
    return healthBody.parse(JSON.parse(text));
  } catch {
    return null; // not our service
  }
};

/** GET /api/v1/webhooks/health of the running service. */
export const probeService = async (config: Config): Promise<ProbeResult<ServiceHealth>> => {
  const url = serviceUrl(config);
  const isPublic = config.publicUrl !== null;
  try {
    const { status, text } = await httpRequest(`${url}/api/v1/webhooks/health`);
    const health = parsed(text);
    if (health !== null) return probed(health);
    const message = `${url} responds, but is not this service (status ${status}).`;
    return probeFailed(
      'service_unknown',
      message,
      isPublic ? 'Set PUBLIC_URL to the address of the service.' : 'Set PORT to the port of the service.',
    );
  } catch (error) {
    const fix = isPublic ? 'Start the service (npm start), and make sure PUBLIC_URL leads to it.' : 'npm start';
    return probeFailed('service_unreachable', `The service at ${url} ${noAnswerReason(error)}.`, fix);
  }
};

const probeProvider = async (
  name: string,
  url: string,
  authorization: string,
  variable: string,
): Promise<ProbeResult<ProviderAnswer>> => {
  try {
    const { status } = await httpRequest(url, { headers: { authorization } });
    return probed({ status });
  } catch (error) {
    const { host } = new URL(url);
    return probeFailed(
      'provider_unavailable',
      `${name} (${host}) ${noAnswerReason(error)}.`,
      `Check the network, and the address in ${variable}.`,
    );
  }
};

const keyMissing = (name: string, variable: string): ProbeResult<never> =>
  probeFailed('provider_key_missing', `${variable} is not set.`, `Set ${variable} to your ${name} key.`);

/** Validates the Deepgram key (https://developers.deepgram.com/docs/authenticating). */
export const probeDeepgram = async ({ deepgram }: Config): Promise<ProbeResult<ProviderAnswer>> => {
  if (deepgram === null) return keyMissing('Deepgram', 'DEEPGRAM_API_KEY');
  const url = `${deepgram.baseUrl.replace(/^ws/, 'http')}/v1/auth/token`;
  return probeProvider('Deepgram', url, `Token ${deepgram.apiKey}`, 'DEEPGRAM_BASE_URL');
};

/** Validates the OpenAI key by listing the models, which is free. */
export const probeOpenai = async ({ openai }: Config): Promise<ProbeResult<ProviderAnswer>> => {
  if (openai === null) return keyMissing('OpenAI', 'OPENAI_API_KEY');
  return probeProvider('OpenAI', `${openai.baseUrl}/models`, `Bearer ${openai.apiKey}`, 'OPENAI_BASE_URL');
};
