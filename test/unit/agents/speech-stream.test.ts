import { APIConnectionError, APIError, APIStatusError, APITimeoutError } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { streamSpeech } from '#agents/telephony/tts/speech-stream.ts';
import { openSpeechServer, pcm, type Respond } from './speech-server.ts';

const limits = { firstByteTimeoutMs: 300, stallTimeoutMs: 300 };

const streamFrom = (baseUrl: string, signal: AbortSignal) =>
  streamSpeech({ url: `${baseUrl}/audio/speech`, headers: {}, body: '{"input":"Hello."}' }, limits, signal);

/** Returns the audio, the number of requests, and the error, if any. */
const speak = async (respond: Respond, signal = new AbortController().signal) => {
  await using server = await openSpeechServer(respond);
  const chunks: Uint8Array[] = [];
  let error: unknown = null;
  try {
    for await (const chunk of streamFrom(server.baseUrl, signal)) chunks.push(chunk);
  } catch (thrown) {
    error = thrown;
  }
  return { sound: Buffer.concat(chunks), chunks, error, requests: server.requests.length };
};

test('audio is passed on as it arrives', async () => {
  const arrivals: number[] = [];
  await using server = await openSpeechServer(async (response) => {
    response.write(pcm(100));
    await sleep(200);
    response.end(pcm(100));
  });
  const startedAt = Date.now();
  for await (const _ of streamFrom(server.baseUrl, new AbortController().signal)) {
    arrivals.push(Date.now() - startedAt);
  }
  expect(arrivals[0]).toBeLessThan(180);
  expect(arrivals.at(-1)).toBeGreaterThanOrEqual(190);
});

test('samples survive chunks of odd length; an odd byte at the end is dropped', async () => {
  const whole = Buffer.concat([pcm(10, 1234), Buffer.of(7)]);
  const { sound, chunks, error } = await speak(async (response) => {
    for (const [from, to] of [
      [0, 1],
      [1, 4],
      [4, 77],
      [77, whole.length],
    ] as const) {
      response.write(whole.subarray(from, to));
      await sleep(20);
    }
    response.end();
  });
  expect(error).toBeNull();
  expect(sound).toEqual(pcm(10, 1234));
  expect(chunks.every((chunk) => chunk.length % 2 === 0)).toBe(true);
});

test.each([429, 500, 503])('a %i is retried once', async (status) => {
  const { sound, error, requests } = await speak((response, _text, attempt) => {
    if (attempt === 1) response.writeHead(status).end('no');
    else response.end(pcm(20));
  });
  expect({ error, requests, bytes: sound.length }).toEqual({ error: null, requests: 2, bytes: pcm(20).length });
});

test('two failures are an APIError that is not retryable', async () => {
  const { error, requests } = await speak((response) => void response.writeHead(500).end());
  expect(requests).toBe(2);
  expect(error).toBeInstanceOf(APIStatusError);
  expect(error).toMatchObject({ statusCode: 500, retryable: false });
});

test('a wrong key is not retried', async () => {
  const { error, requests } = await speak((response) => void response.writeHead(401).end());
  expect(requests).toBe(1);
  expect(error).toMatchObject({ statusCode: 401, retryable: false });
});

test('a response without audio is retried once, then an error', async () => {
  const { error, requests } = await speak((response) => void response.end());
  expect(requests).toBe(2);
  expect(error).toBeInstanceOf(APIError);
});

test('no audio in time is retried once, then a timeout', async () => {
  const startedAt = Date.now();
  const { error, requests } = await speak(() => undefined);
  expect(requests).toBe(2);
  expect(error).toBeInstanceOf(APITimeoutError);
  expect(Date.now() - startedAt).toBeLessThan(1_500);
});

test('a stall or a lost connection after the first audio is never retried', async () => {
  const stalled = await speak((response) => void response.write(pcm(50)));
  expect(stalled.requests).toBe(1);
  expect(stalled.error).toBeInstanceOf(APITimeoutError);
  expect(stalled.sound).toEqual(pcm(50));
  const cut = await speak(async (response) => {
    response.writeHead(200, { 'content-length': 10_000 });
    response.write(pcm(50));
    await sleep(50);
    response.destroy();
  });
  expect(cut.requests).toBe(1);
  expect(cut.error).toBeInstanceOf(APIConnectionError);
});

test('aborting ends the stream and its request, without an error', async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 100);
  const { error, requests } = await speak((response) => void response.write(pcm(50)), abort.signal);
  expect({ error, requests }).toEqual({ error: null, requests: 1 });
});
