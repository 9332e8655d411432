/**
 * The HTTP client for Twilio's SDK. The SDK's own client has no time limit for a whole request, ignores Retry-After, and cannot use
 * another address than Twilio's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import RequestClient from 'twilio/lib/base/RequestClient.js';
import type http from 'twilio/lib/http/response.js';

export type TransportOptions = Readonly<{
  /** Replaces both api.twilio.com and trunking.twilio.com, whose paths don't overlap; null: Twilio's own addresses. */
  baseUrl: string | null;
  /** The limit for one attempt, including reading the response. */
  timeoutMs: number;
  /** How often to retry after "too many requests" (429). */
  maxRetries: number;
  /** The longest wait before a retry; if Retry-After is longer, the 429 is returned. */
  maxWaitMs: number;
}>;

const firstWaitMs = 500;

export class Transport extends RequestClient {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    super();
    this.#options = options;
  }

  override async request<T>(options: RequestClient.RequestOptions<T>): Promise<http.default<T>> {
    const { maxRetries, maxWaitMs } = this.#options;
    for (let retries = 0; ; retries++) {
      const answer = await this.#attempt(options);
      // A request answered with 429 was not processed (https://www.twilio.com/docs/api/errors/20429), so any can be repeated.
      if (answer.status !== 429 || retries === maxRetries) return responseOf(answer);
      const waitMs = retryAfterMs(answer.headers.get('retry-after')) ?? firstWaitMs * 2 ** retries;
      if (waitMs > maxWaitMs) return responseOf(answer);
      await sleep(waitMs);
    }
  }

  async #attempt(options: RequestClient.RequestOptions<unknown>): Promise<Answer> {
    const headers = new Headers(options.headers);
    const { username = '', password = '' } = options;
    headers.set('Authorization', `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
    const response = await fetch(addressOf(options, this.#options.baseUrl), {
      method: options.method.toUpperCase(),
      headers,
      body: options.method === 'get' ? null : fieldsOf(options.data),
      redirect: 'manual', // never send the credentials elsewhere
      signal: AbortSignal.timeout(this.#options.timeoutMs),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
}

type Answer = Readonly<{ status: number; headers: Headers; text: string }>;

/** The SDK parses the text itself, although its types expect parsed data. */
const responseOf = <T>({ status, headers, text }: Answer): http.default<T> => ({
  statusCode: status,
  body: text as T,
  headers: Object.fromEntries(headers),
});

const addressOf = (options: RequestClient.RequestOptions<unknown>, baseUrl: string | null): URL => {
  const requested = new URL(options.uri);
  const url = baseUrl === null ? requested : new URL(baseUrl + requested.pathname + requested.search);
  for (const [name, value] of fieldsOf(options.params)) url.searchParams.append(name, value);
  return url;
};

const fieldsOf = (data: unknown): URLSearchParams =>
  new URLSearchParams(
    Object.entries(data ?? {})
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  );

/** Parses Retry-After: a number of seconds, or a date. */
const retryAfterMs = (header: string | null): number | null => {
  if (header === null || header.trim() === '') return null;
  const ms = /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
};
