/** Stub providers for the warm-up: one fixed exchange, on a loopback port of this process. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import type { ProviderKeys } from '#src/protocol/job.ts';

const question = 'Are you there?';
export const reply = 'Yes, I am here. What can I do for you?';

/** A tenth of a second of audio. */
const speech = Buffer.alloc(4_800, 1);

const resultsOf = (transcript: string, is_final: boolean): string => {
  const words = [{ word: transcript, start: 0, end: 0.01, confidence: 1 }];
  const channel = { alternatives: [{ transcript, confidence: 1, words }] };
  return JSON.stringify({ type: 'Results', is_final, start: 0, duration: 0.01, channel });
};

const chunkOf = (delta: object, finish_reason: 'stop' | null): string => {
  const choices = [{ index: 0, delta, finish_reason }];
  return `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', created: 1, model: '', choices })}\n\n`;
};

const complete = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const content of reply.split(/(?= )/)) response.write(chunkOf({ role: 'assistant', content }, null));
  response.end(`${chunkOf({}, 'stop')}data: [DONE]\n\n`);
};

/** Opens the stubs; disposing closes their port. */
export const openStubProviders = async (): Promise<AsyncDisposable & { keys: ProviderKeys }> => {
  const server = createServer((request, response) => {
    request.resume();
    if (request.url?.endsWith('/chat/completions') === true) complete(response);
    else response.end(speech);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.once('message', () => {
      socket.send(resultsOf('Are you', false));
      socket.send(resultsOf(question, true));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const host = `127.0.0.1:${address.port}`;
  return {
    keys: {
      deepgram: { apiKey: 'none', baseUrl: `ws://${host}` },
      openai: { apiKey: 'none', baseUrl: `http://${host}/v1` },
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
