/** OpenAI's speech endpoint on loopback; the test writes the responses. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';

export type SpeechServer = AsyncDisposable & {
  baseUrl: string;
  /** The requests in order. `aborted`: the client closed the connection before the response was complete. */
  requests: { text: string; speed: number | undefined; atMs: number; aborted: boolean }[];
};

export type Respond = (response: ServerResponse, text: string, attempt: number) => void | Promise<void>;

/** `attempt` counts the requests for one text from 1. */
export const openSpeechServer = async (respond: Respond): Promise<SpeechServer> => {
  const requests: SpeechServer['requests'] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { input, speed } = JSON.parse(Buffer.concat(chunks).toString()) as { input: string; speed?: number };
      const entry = { text: input, speed, atMs: Date.now(), aborted: false };
      requests.push(entry);
      response.on('close', () => (entry.aborted = !response.writableFinished));
      const attempt = requests.filter(({ text }) => text === input).length;
      Promise.resolve(respond(response, input, attempt)).catch((error: Error) => response.destroy(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** PCM of this length at 24 kHz, every sample with the value `level`. */
export const pcm = (ms: number, level = 1000): Buffer => {
  const samples = new Int16Array(24 * ms).fill(level);
  return Buffer.from(samples.buffer);
};
