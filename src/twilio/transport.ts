/**
 * How requests reach Twilio: the SDK's own client has no time limit for a whole request, ignores Retry-After and knows no other
 * address than Twilio's, so it is given this one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import RequestClient from 'twilio/lib/base/RequestClient.js';
import type http from 'twilio/lib/http/response.js';

export type TransportOptions = Readonly<{
  /** Where to send what would go to api.twilio.com or trunking.twilio.com; null: there. Their paths differ anyway. */
  baseUrl: string | null;
  /** How long one attempt may take, until its answer is read. */
  timeoutMs: number;
  /** How often "too many requests" (429) is asked again, … */
  maxRetries: number;
  /** … and the longest wait before; where Retry-After says more, the 429 is the answer. */
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
      // A request that gets 429 was not carried out (https://www.twilio.com/docs/api/errors/20429): any may be sent again.
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
      redirect: 'manual', // our secret goes nowhere else
      signal: AbortSignal.timeout(this.#options.timeoutMs),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
}

type Answer = Readonly<{ status: number; headers: Headers; text: string }>;

/** The SDK parses text by itself, but wants to be told that it is of the type that it asked for. */
const responseOf = <T>({ status, headers, text }: Answer): http.default<T> => ({
  statusCode: status,
  body: text as T,
  headers: Object.fromEntries(headers),
});

const addressOf = (options: RequestClient.RequestOptions<unknown>, baseUrl: string | null): URL => {
  const asked = new URL(options.uri);
  const url = baseUrl === null ? asked : new URL(baseUrl + asked.pathname + asked.search);
  for (const [name, value] of fieldsOf(options.params)) url.searchParams.append(name, value);
  return url;
};

const fieldsOf = (data: unknown): URLSearchParams =>
  new URLSearchParams(
    Object.entries(data ?? {})
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  );

/** Retry-After is a number of seconds or a date. */
const retryAfterMs = (header: string | null): number | null => {
  if (header === null || header.trim() === '') return null;
  const ms = /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
};
