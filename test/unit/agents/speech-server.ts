/** OpenAI's speech endpoint on loopback, whose answers a test writes itself. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';

export type SpeechServer = AsyncDisposable & {
  baseUrl: string;
  /** The texts asked for, in order, at which speed, and whether the client went away before the answer was complete. */
  asked: { text: string; speed: number | undefined; atMs: number; aborted: boolean }[];
};

export type Answer = (response: ServerResponse, text: string, attempt: number) => void | Promise<void>;

/** `attempt` counts the requests for one text from 1. */
export const openSpeechServer = async (answer: Answer): Promise<SpeechServer> => {
  const asked: SpeechServer['asked'] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { input, speed } = JSON.parse(Buffer.concat(chunks).toString()) as { input: string; speed?: number };
      const entry = { text: input, speed, atMs: Date.now(), aborted: false };
      asked.push(entry);
      response.on('close', () => (entry.aborted = !response.writableFinished));
      const attempt = asked.filter(({ text }) => text === input).length;
      Promise.resolve(answer(response, input, attempt)).catch((error: Error) => response.destroy(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** So many ms of sound, each sample of the value `level`. */
export const pcm = (ms: number, level = 1000): Buffer => {
  const samples = new Int16Array(24 * ms).fill(level);
  return Buffer.from(samples.buffer);
};
