import { initializeLogger, tts } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReadableStream } from 'node:stream/web';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { atRate } from '#agents/telephony/tts/speaking-rate.ts';
import { StreamingTts } from '#agents/telephony/tts/streaming-tts.ts';
import { openSpeechServer, pcm, type Respond, type SpeechServer } from './speech-server.ts';

const unhandled: unknown[] = [];
beforeAll(() => {
  initializeLogger({ pretty: false, level: 'silent' });
  process.on('unhandledRejection', (error) => unhandled.push(error));
});
afterEach(() => expect(unhandled).toEqual([]));

const open = async (respond: Respond, cached: Readonly<Record<string, Uint8Array>> = {}) => {
  const server = await openSpeechServer(respond);
  const streamingTts = new StreamingTts({
    providers: { openai: { baseUrl: server.baseUrl, apiKey: 'key' }, deepgram: { baseUrl: 'ws://-', apiKey: '' } },
    voice: { provider: 'openai', model: 'tts-1', voice: 'alloy', rate: 1.2 },
    limits: { stallTimeoutMs: 300 },
    cached: (text) => Promise.resolve(cached[text] ?? null),
  });
  const errors: { recoverable: boolean }[] = [];
  streamingTts.on('error', (error) => errors.push(error));
  return { server, streamingTts, errors };
};

const connOptions = { maxRetry: 0, retryIntervalMs: 10, timeoutMs: 1_000 };

/** Says a text that arrives in these parts; returns the length of the audio, its levels, and the timed transcript. */
const say = async (streamingTts: StreamingTts, parts: string[], pauseMs = 0) => {
  const stream = streamingTts.stream({ connOptions });
  const source = new ReadableStream<string>({
    async start(controller) {
      for (const part of parts) {
        controller.enqueue(part);
        await sleep(pauseMs);
      }
      controller.close();
    },
  });
  stream.updateInputStream(source);
  let samples = 0;
  const levels: number[] = [];
  const texts: { text: string; startTime?: number | undefined; endTime?: number | undefined }[] = [];
  for await (const event of stream) {
    if (event === tts.SynthesizeStream.END_OF_STREAM) break;
    samples += event.frame.samplesPerChannel;
    levels.push(event.frame.data[0] ?? 0);
    for (const { text, startTime, endTime } of event.timedTranscripts ?? []) texts.push({ text, startTime, endTime });
  }
  stream.close();
  return { ms: samples / 24, levels: levels.filter((level, index) => level !== levels[index - 1]), texts };
};

const requestedTexts = (server: SpeechServer) => server.requests.map(({ text }) => text);

test('each sentence is requested separately and played in order, even if the second is faster', async () => {
  const { server, streamingTts, errors } = await open(async (response, text) => {
    await sleep(text === 'One.' ? 150 : 0);
    response.end(pcm(100, text.length * 100));
  });
  await using _server = server;
  const { ms, levels, texts } = await say(streamingTts, ['One. ', 'Twenty. ', 'And a third']);
  expect(requestedTexts(server)).toEqual(['One.', 'Twenty.', 'And a third']);
  expect(levels).toEqual([400, 700, 1100]);
  expect(ms).toBe(300);
  expect(texts.map(({ text }) => text).join('')).toBe('One. Twenty. And a third');
  expect(texts.filter(({ text }) => text !== '').map(({ startTime }) => startTime)).toEqual([0, 0.1, 0.2]);
  expect(errors).toEqual([]);
});

test('a cached lead-in phrase is played without a request, and the rest follows', async () => {
  const { server, streamingTts } = await open(
    (response, text) => {
      response.end(pcm(100, text.length * 100));
    },
    { 'Of course,': pcm(80, 5_000) },
  );
  await using _server = server;
  const { ms, levels, texts } = await say(streamingTts, ['Of course,', ' I can do ', 'that. Of course,', ' yes.']);
  expect(requestedTexts(server)).toEqual(['I can do that.', 'Of course, yes.']);
  expect(levels).toEqual([5_000, 1_400, 1_500]);
  expect(ms).toBe(280);
  expect(texts.map(({ text }) => text).join('')).toBe('Of course, I can do that. Of course, yes.');
});

test('leading silence is cut at the start of a reply, but not between sentences', async () => {
  const { server, streamingTts } = await open((response, text) => {
    response.end(Buffer.concat([pcm(100, 0), pcm(100, text.length * 100)]));
  });
  await using _server = server;
  const { ms } = await say(streamingTts, ['One. ', 'Two. ']);
  expect(ms).toBe(110 + 200);
});

test('the next sentence is requested while the first is still arriving, but not the third', async () => {
  const { server, streamingTts } = await open(async (response) => {
    response.write(pcm(40));
    await sleep(200);
    response.end(pcm(40));
  });
  await using _server = server;
  await say(streamingTts, ['One. Two. Three.']);
  const [first, second, third] = server.requests.map(({ atMs }) => atMs);
  expect(Number(second) - Number(first)).toBeLessThan(100);
  expect(Number(third) - Number(first)).toBeGreaterThan(150);
});

test('the first audio comes long before the text is complete', async () => {
  const { server, streamingTts } = await open((response) => void response.end(pcm(40)));
  await using _server = server;
  const stream = streamingTts.stream({ connOptions });
  const startedAt = Date.now();
  stream.updateInputStream(
    new ReadableStream<string>({
      async start(controller) {
        controller.enqueue('Hello there. ');
        controller.enqueue('I ');
        await sleep(500);
        controller.enqueue('am late.');
        controller.close();
      },
    }),
  );
  await stream.next();
  const firstMs = Date.now() - startedAt;
  stream.close();
  expect(firstMs).toBeLessThan(300);
});

test('a failure is reported once, and the transcript has only what was synthesized', async () => {
  const { server, streamingTts, errors } = await open((response, text) => {
    if (text === 'Two.') response.writeHead(500).end();
    else response.end(pcm(100));
  });
  await using _server = server;
  const { ms, texts } = await say(streamingTts, ['One. Two. Three. Four.']);
  expect(ms).toBe(100);
  expect(texts.map(({ text }) => text).join('')).toBe('One.');
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatchObject({ recoverable: false });
  expect(requestedTexts(server).filter((text) => text === 'Two.')).toHaveLength(2);
  expect(requestedTexts(server)).not.toContain('Four.');
});

test('closing the stream aborts the requests', async () => {
  const { server, streamingTts, errors } = await open((response) => void response.write(pcm(400)));
  await using _server = server;
  const stream = streamingTts.stream({ connOptions });
  stream.updateInputStream(
    new ReadableStream<string>({ start: (controller) => controller.enqueue('One. Two. Three. ') }),
  );
  await stream.next();
  stream.close();
  await sleep(100);
  expect(server.requests.map(({ aborted }) => aborted)).toEqual([true, true]);
  expect(errors).toEqual([]);
});

test('text without any words is not requested', async () => {
  const { server, streamingTts, errors } = await open((response) => void response.end(pcm(40)));
  await using _server = server;
  const { ms } = await say(streamingTts, ['… ', '!! ', '\n']);
  expect({ ms, requests: requestedTexts(server), errors }).toEqual({ ms: 0, requests: [], errors: [] });
});

test('one-shot synthesis streams too, and its failure is reported, not an unhandled rejection', async () => {
  const { server, streamingTts, errors } = await open((response, text) => {
    if (text === 'Bad.') response.writeHead(500).end();
    else response.end(pcm(100));
  });
  await using _server = server;
  const frame = await streamingTts.synthesize('Good.', connOptions).collect();
  expect(frame.samplesPerChannel / 24).toBe(100);
  for await (const _ of streamingTts.synthesize('Bad.', connOptions)) throw new Error('there is no audio');
  await sleep(20);
  expect(errors).toHaveLength(1);
});

test('at another rate, speech is requested rather than taken from the cache', async () => {
  const { server, streamingTts } = await open((response) => void response.end(pcm(100)), { 'Hello there.': pcm(100) });
  await using _ = server;
  await say(streamingTts, ['Hello there.']);
  await atRate(0.8, () => say(streamingTts, ['Hello there. And again, please.']));
  await say(streamingTts, ['Good.']);
  expect(server.requests.map(({ text, speed }) => [text, speed])).toEqual([
    ['Hello there.', 0.96],
    ['And again, please.', 0.96],
    ['Good.', 1.2],
  ]);
});
