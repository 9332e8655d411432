/** What Deepgram's WebSocket endpoints have in common. */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RawData } from 'ws';

export type Upgrade = { request: IncomingMessage; socket: Duplex; head: Buffer };

/** The body of a Deepgram error. */
export const deepgramError = (
  code: string,
  message: string,
): { err_code: string; err_msg: string; request_id: string } => ({
  err_code: code,
  err_msg: message,
  request_id: randomUUID(),
});

/** Rejects an upgrade with an HTTP status. */
export const refuse = ({ socket }: Upgrade, status: number, code: string, message: string): void => {
  const body = JSON.stringify(deepgramError(code, message));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\ndg-error: ${message}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
};

export const toBuffer = (data: RawData): Buffer => {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
};

/** The type and text of a client's message; null unless it is a JSON object with a `type`. */
export const readMessage = (data: RawData): { type: string; text: string } | null => {
  try {
    const { type, text } = JSON.parse(toBuffer(data).toString('utf8')) as { type?: unknown; text?: unknown };
    return typeof type === 'string' ? { type, text: typeof text === 'string' ? text : '' } : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
};
