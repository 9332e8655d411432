/** Reading requests and writing responses. */
import type { IncomingMessage, ServerResponse } from 'node:http';

const maxBodyBytes = 10_000_000;

/** @throws SyntaxError if the body is not JSON, RangeError if it is too large */
export const readJson = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new RangeError('the body is too large');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
};

export const sendJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

/** Writes, waiting while the send buffer is full. @throws AbortError when the signal fires */
export const write = async (
  response: ServerResponse,
  data: string | Uint8Array,
  signal: AbortSignal,
): Promise<void> => {
  signal.throwIfAborted();
  if (response.write(data)) return;
  const drained = Promise.withResolvers<void>();
  response.once('drain', drained.resolve);
  signal.addEventListener('abort', () => drained.reject(signal.reason as Error), { once: true });
  await drained.promise;
};
