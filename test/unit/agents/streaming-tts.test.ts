import { initializeLogger, tts } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReadableStream } from 'node:stream/web';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { atRate } from '#agents/telephony/tts/speaking-rate.ts';
import { StreamingTts } from '#agents/telephony/tts/streaming-tts.ts';
import { openSpeechServer, pcm, type Answer, type SpeechServer } from './speech-server.ts';

const unhandled: unknown[] = [];
beforeAll(() => {
  initializeLogger({ pretty: false, level: 'silent' });
  process.on('unhandledRejection', (error) => unhandled.push(error));
});
afterEach(() => expect(unhandled).toEqual([]));

const open = async (answer: Answer, prepared: Readonly<Record<string, Uint8Array>> = {}) => {
  const server = await openSpeechServer(answer);
  const voice = new StreamingTts({
    providers: { openai: { baseUrl: server.baseUrl, apiKey: 'key' }, deepgram: { baseUrl: 'ws://-', apiKey: '' } },
    voice: { provider: 'openai', model: 'tts-1', voice: 'alloy', rate: 1.2 },
    limits: { stallTimeoutMs: 300 },
    cached: (text) => Promise.resolve(prepared[text] ?? null),
  });
  const errors: { recoverable: boolean }[] = [];
  voice.on('error', (error) => errors.push(error));
  return { server, voice, errors };
};

const connOptions = { maxRetry: 0, retryIntervalMs: 10, timeoutMs: 1_000 };

/** Says a text that comes in these parts; gives what was said when, and where each sentence starts in the sound. */
const say = async (voice: StreamingTts, parts: string[], pauseMs = 0) => {
  const stream = voice.stream({ connOptions });
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

const asked = (server: SpeechServer) => server.asked.map(({ text }) => text);

test('each sentence is requested by itself and played in order, also when the second is faster', async () => {
  const { server, voice, errors } = await open(async (response, text) => {
    await sleep(text === 'One.' ? 150 : 0);
    response.end(pcm(100, text.length * 100));
  });
  await using _server = server;
  const { ms, levels, texts } = await say(voice, ['One. ', 'Twenty. ', 'And a third']);
  expect(asked(server)).toEqual(['One.', 'Twenty.', 'And a third']);
  expect(levels).toEqual([400, 700, 1100]);
  expect(ms).toBe(300);
  expect(texts.map(({ text }) => text).join('')).toBe('One. Twenty. And a third');
  expect(texts.filter(({ text }) => text !== '').map(({ startTime }) => startTime)).toEqual([0, 0.1, 0.2]);
  expect(errors).toEqual([]);
});

test('a prepared opener is heard without being asked for, and the rest follows', async () => {
  const { server, voice } = await open(
    (response, text) => {
      response.end(pcm(100, text.length * 100));
    },
    { 'Of course,': pcm(80, 5_000) },
  );
  await using _server = server;
  const { ms, levels, texts } = await say(voice, ['Of course,', ' I can do ', 'that. Of course,', ' yes.']);
  expect(asked(server)).toEqual(['I can do that.', 'Of course, yes.']);
  expect(levels).toEqual([5_000, 1_400, 1_500]);
  expect(ms).toBe(280);
  expect(texts.map(({ text }) => text).join('')).toBe('Of course, I can do that. Of course, yes.');
});

test('the silence with which a reply begins is left out, the one between sentences is not', async () => {
  const { server, voice } = await open((response, text) => {
    response.end(Buffer.concat([pcm(100, 0), pcm(100, text.length * 100)]));
  });
  await using _server = server;
  const { ms } = await say(voice, ['One. ', 'Two. ']);
  expect(ms).toBe(110 + 200);
});

test('the next sentence is requested while the first is still arriving, but not the one after', async () => {
  const { server, voice } = await open(async (response) => {
    response.write(pcm(40));
    await sleep(200);
    response.end(pcm(40));
  });
  await using _server = server;
  await say(voice, ['One. Two. Three.']);
  const [first, second, third] = server.asked.map(({ atMs }) => atMs);
  expect(Number(second) - Number(first)).toBeLessThan(100);
  expect(Number(third) - Number(first)).toBeGreaterThan(150);
});

test('the first sound comes long before the text is complete', async () => {
  const { server, voice } = await open((response) => void response.end(pcm(40)));
  await using _server = server;
  const stream = voice.stream({ connOptions });
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

test('what failed is told once, and only what was voiced is in the transcript', async () => {
  const { server, voice, errors } = await open((response, text) => {
    if (text === 'Two.') response.writeHead(500).end();
    else response.end(pcm(100));
  });
  await using _server = server;
  const { ms, texts } = await say(voice, ['One. Two. Three. Four.']);
  expect(ms).toBe(100);
  expect(texts.map(({ text }) => text).join('')).toBe('One.');
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatchObject({ recoverable: false });
  expect(asked(server).filter((text) => text === 'Two.')).toHaveLength(2);
  expect(asked(server)).not.toContain('Four.');
});

test('closing the stream aborts the requests', async () => {
  const { server, voice, errors } = await open((response) => void response.write(pcm(400)));
  await using _server = server;
  const stream = voice.stream({ connOptions });
  stream.updateInputStream(
    new ReadableStream<string>({ start: (controller) => controller.enqueue('One. Two. Three. ') }),
  );
  await stream.next();
  stream.close();
  await sleep(100);
  expect(server.asked.map(({ aborted }) => aborted)).toEqual([true, true]);
  expect(errors).toEqual([]);
});

test('text without a word in it is not requested', async () => {
  const { server, voice, errors } = await open((response) => void response.end(pcm(40)));
  await using _server = server;
  const { ms } = await say(voice, ['… ', '!! ', '\n']);
  expect({ ms, asked: asked(server), errors }).toEqual({ ms: 0, asked: [], errors: [] });
});

test('one-shot synthesis streams too, and its failure is told, not thrown at the process', async () => {
  const { server, voice, errors } = await open((response, text) => {
    if (text === 'Bad.') response.writeHead(500).end();
    else response.end(pcm(100));
  });
  await using _server = server;
  const frame = await voice.synthesize('Good.', connOptions).collect();
  expect(frame.samplesPerChannel / 24).toBe(100);
  for await (const _ of voice.synthesize('Bad.', connOptions)) throw new Error('there is no sound');
  await sleep(20);
  expect(errors).toHaveLength(1);
});

test('what is asked again is asked for more slowly, and not taken from what was spoken before the call', async () => {
  const { server, voice } = await open((response) => void response.end(pcm(100)), { 'Hello there.': pcm(100) });
  await using _ = server;
  await say(voice, ['Hello there.']);
  await atRate(0.8, () => say(voice, ['Hello there. And again, please.']));
  await say(voice, ['Good.']);
  expect(server.asked.map(({ text, speed }) => [text, speed])).toEqual([
    ['Hello there.', 0.96],
    ['And again, please.', 0.96],
    ['Good.', 1.2],
  ]);
});
