import { once } from 'node:events';
import { createServer } from 'node:http';
import { initializeLogger } from '@livekit/agents';
import { expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { DeepgramTts } from '#agents/telephony/providers/deepgram-tts.ts';
import { atPace } from '#agents/telephony/providers/pace.ts';

/** The speeds that are asked for, null where none is. */
const speedsOf = async (model: string, rate: number, paces: number[]): Promise<(number | null)[]> => {
  initializeLogger({ pretty: false, level: 'silent' });
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  const speeds: (number | null)[] = [];
  sockets.on('connection', (socket, request) => {
    const speed = new URL(request.url ?? '', 'http://a').searchParams.get('speed');
    speeds.push(speed === null ? null : Number(speed));
    socket.on('message', (message: Buffer) => {
      if (!message.toString().includes('Flush')) return;
      socket.send(Buffer.alloc(4_800));
      socket.send(JSON.stringify({ type: 'Flushed' }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const voice = new DeepgramTts({ apiKey: 'key', baseUrl: `http://127.0.0.1:${address.port}`, model, rate });
  for (const pace of paces) {
    const stream = atPace(pace, () => voice.stream());
    stream.pushText('Hello there.');
    stream.endInput();
    for await (const _ of stream) if (speeds.length > 0) continue;
    stream.close();
  }
  sockets.clients.forEach((socket) => socket.terminate());
  await new Promise((resolve) => server.close(resolve));
  return speeds;
};

test.each([
  ['aura-2-thalia-en', 1, [1, 0.8, 1], [null, 0.8, 1]],
  ['aura-2-thalia-en', 0.75, [1, 0.8], [0.75, 0.7]],
  ['aura-asteria-en', 1, [1, 0.8], [null, null]],
])('%s at the rate %d, at the paces %j: asked for %j', async (model, rate, paces, speeds) => {
  expect(await speedsOf(model, rate, paces)).toEqual(speeds);
});
