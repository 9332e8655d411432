import { createServer } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { initializeLogger } from '@livekit/agents';
import * as deepgram from '@livekit/agents-plugin-deepgram';
import OpenAI from 'openai';
import { beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Providers, startProviders } from '#src/simulators/providers/server.ts';
import { callerVoice, synthesize, synthesizeClip } from '#src/simulators/speech/speech.ts';
import { splitSentences } from '#src/simulators/providers/simulation/speech-stream.ts';
import { refusal } from './providers-support.ts';

const fast = { speechFirstByteMs: 50, speechRealtimeFactor: 40 };
const text = 'Hello, how can I help you today? We are open from eight to six.';

beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

const speak = async ({ openaiUrl }: Providers, more: object = {}): Promise<Response> => {
  const client = new OpenAI({ baseURL: openaiUrl, apiKey: 'any', maxRetries: 0 });
  return client.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: text, response_format: 'pcm', ...more });
};

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

const loudness = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length) / 32768;

test('OpenAI speech arrives in chunks, at the configured pace', async () => {
  await using providers = await startProviders({ delays: { speechFirstByteMs: 50, speechRealtimeFactor: 4 } });
  await bytesOf(await speak(providers));
  const response = await speak(providers);
  const arrivals: { atMs: number; bytes: number }[] = [];
  for await (const chunk of response.body ?? [])
    arrivals.push({ atMs: performance.now(), bytes: (chunk as Buffer).length });
  const seconds = arrivals.reduce((sum, { bytes }) => sum + bytes, 0) / 48_000;
  expect(seconds).toBeGreaterThan(3);
  expect(seconds).toBeLessThan(7);
  expect(arrivals.length).toBeGreaterThan(10);
  const tookMs = (arrivals.at(-1)?.atMs ?? 0) - (arrivals[0]?.atMs ?? 0);
  expect(tookMs).toBeGreaterThan((seconds / 4) * 1000 * 0.7);
});

test('OpenAI speech: voices, speed, WAV, and what is rejected', async () => {
  await using providers = await startProviders({ delays: fast });
  const alloy = await bytesOf(await speak(providers));
  expect(loudness(new Int16Array(alloy.buffer, alloy.byteOffset, alloy.length / 2))).toBeGreaterThan(0.02);
  expect((await bytesOf(await speak(providers, { voice: 'onyx' }))).equals(alloy)).toBe(false);
  expect((await bytesOf(await speak(providers, { speed: 2 }))).length).toBeLessThan(alloy.length * 0.7);
  const wav = await bytesOf(await speak(providers, { response_format: 'wav' }));
  expect(wav.subarray(0, 4).toString()).toBe('RIFF');
  expect(wav.subarray(44).equals(alloy)).toBe(true);
  await expect(speak(providers, { response_format: 'opus' })).rejects.toMatchObject({ status: 400 });
  await expect(speak(providers, { voice: 'nobody' })).rejects.toMatchObject({ status: 400 });
  await expect(speak(providers, { input: '' })).rejects.toMatchObject({ status: 400 });
});

test('the Deepgram plugin speaks', async () => {
  await using providers = await startProviders({ delays: fast });
  const baseUrl = `http://127.0.0.1:${providers.port}`;
  const stream = new deepgram.TTS({ apiKey: 'any', baseUrl, sampleRate: 16_000 }).stream();
  stream.pushText(text);
  stream.endInput();
  let samples = 0;
  for await (const audio of stream) {
    if (typeof audio === 'symbol') break;
    expect(audio.frame.sampleRate).toBe(16_000);
    samples += audio.frame.samplesPerChannel;
  }
  stream.close();
  expect(samples / 16_000).toBeGreaterThan(3);
  expect((await providers.log()).requests).toMatchObject([{ kind: 'speak', status: 101 }]);
});

test('the Deepgram socket: Flush is confirmed after the audio, Clear interrupts it, Close ends it', async () => {
  await using providers = await startProviders({ delays: { speechFirstByteMs: 50, speechRealtimeFactor: 2 } });
  const url = `${providers.deepgramUrl}/v1/speak?encoding=linear16&sample_rate=8000&model=aura-2-zeus-en`;
  const socket = new WebSocket(url, { headers: { Authorization: 'Token any' } });
  const seen: string[] = [];
  socket.on('message', (data: Buffer, isBinary) => {
    const what = isBinary ? 'sound' : (JSON.parse(data.toString('utf8')) as { type: string }).type;
    if (seen.at(-1) !== what) seen.push(what);
  });
  await once(socket, 'open');
  const send = (type: string, more: object = {}): void => socket.send(JSON.stringify({ type, ...more }));
  send('Speak', { text: 'Hello ' });
  send('Speak', { text: 'you' });
  send('Flush');
  await expect.poll(() => seen, { timeout: 5000 }).toEqual(['Metadata', 'sound', 'Flushed']);
  send('Speak', { text: 'This is much too long to be said in the time that we give it here.' });
  await expect.poll(() => seen, { timeout: 5000 }).toEqual(['Metadata', 'sound', 'Flushed', 'sound']);
  send('Clear');
  send('Close');
  await once(socket, 'close');
  expect(seen).toEqual(['Metadata', 'sound', 'Flushed', 'sound', 'Cleared']);
});

test('Deepgram speech by POST', async () => {
  await using providers = await startProviders({ delays: fast, apiKey: 'secret' });
  const url = `http://127.0.0.1:${providers.port}/v1/speak?encoding=linear16&container=none&sample_rate=16000`;
  const post = async (key: string, more = ''): Promise<Response> =>
    fetch(url + more, { method: 'POST', headers: { authorization: `Token ${key}` }, body: JSON.stringify({ text }) });
  const response = await post('secret');
  expect(response.status).toBe(200);
  expect((await bytesOf(response)).length).toBeGreaterThan(3 * 32_000);
  expect((await post('wrong')).status).toBe(401);
  expect(await (await post('secret', '&sample_rate=1')).json()).toMatchObject({ err_code: 'Bad Request' });
  expect(await refusal(`${providers.deepgramUrl}/v1/speak?encoding=linear16`, 'Token wrong')).toBe(401);
});

test('faults of speech: statuses, no audio, odd bytes, stalling', async () => {
  await using providers = await startProviders({ delays: fast });
  await providers.setFault({ service: 'tts', kind: 'status', status: 429 });
  await expect(speak(providers)).rejects.toMatchObject({ status: 429 });
  await providers.setFault({ service: 'tts', kind: 'empty' });
  expect(await bytesOf(await speak(providers))).toHaveLength(0);
  const whole = await bytesOf(await speak(providers));
  await providers.setFault({ service: 'tts', kind: 'oddBytes' });
  expect(await bytesOf(await speak(providers))).toHaveLength(whole.length - 1);
  expect(whole.length % 2).toBe(0);

  await providers.setFault({ service: 'tts', kind: 'stall', afterAudioMs: 500 });
  let bytes = 0;
  const response = await speak(providers);
  const gone = new AbortController();
  const reading = response.body?.pipeTo(
    new WritableStream({ write: (chunk: Uint8Array) => void (bytes += chunk.length) }),
    gone,
  );
  const ended = expect(reading).rejects.toThrow();
  await expect.poll(() => bytes, { timeout: 10_000 }).toBe(500 * 48);
  await sleep(300);
  expect(bytes).toBe(500 * 48);
  gone.abort();
  await ended;
  await providers.setFault({ service: 'tts', kind: 'status', status: 500 });
  const url = `${providers.deepgramUrl}/v1/speak?encoding=linear16`;
  expect(await refusal(url, 'Token any')).toBe(500);
});

test('disposing frees the port at once, even during requests', async () => {
  const providers = await startProviders({ delays: { firstTokenMs: 60_000 } });
  const hanging = fetch(`${providers.openaiUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer any' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] }),
  });
  const failing = expect(hanging).rejects.toThrow();
  await sleep(100);
  await providers[Symbol.asyncDispose]();
  const server = createServer().listen(providers.port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
  await failing;
});

test('a port in use, an unknown scenario and an invalid one are errors', async () => {
  await using providers = await startProviders();
  await expect(startProviders({ port: providers.port })).rejects.toThrow(/EADDRINUSE/);
  await expect(startProviders({ defaultScenario: 'nobody' })).rejects.toThrow(/"nobody"/);
  await expect(startProviders({ scenarios: [{ name: 'no/slash' }] })).rejects.toThrow(/scenario name/);
});

test('word times are correct at every sample rate; pauses can be shortened; the caller has its own voice', async () => {
  const said = 'Hello there. What are your opening hours?';
  const clip = await synthesizeClip(said, { sampleRate: 48_000 });
  expect(clip.words.map((word) => word.text)).toEqual(said.split(' '));
  for (const [index, word] of clip.words.entries()) {
    expect(word.endMs).toBeGreaterThan(word.startMs);
    expect(word.startMs).toBeGreaterThanOrEqual(clip.words[index - 1]?.endMs ?? 0);
    expect(loudness(clip.samples.subarray(word.startMs * 48, word.endMs * 48))).toBeGreaterThan(0.01);
  }
  const pause = clip.samples.subarray(
    (clip.words[1]?.endMs ?? 0) * 48 + 4800,
    (clip.words[2]?.startMs ?? 0) * 48 - 480,
  );
  expect(loudness(pause)).toBeLessThan(0.005);
  const low = await synthesize(said, { sampleRate: 8000 });
  expect(low.length * 6).toBeCloseTo(clip.samples.length, -2);
  expect(loudness(low)).toBeCloseTo(loudness(clip.samples), 1);
  const short = await synthesizeClip(said, { sampleRate: 48_000, maxPauseMs: 100 });
  expect(short.samples.length).toBeLessThan(clip.samples.length - 48 * 50);
  expect((await synthesize(said, { voice: callerVoice })).join() === (await synthesize(said)).join()).toBe(false);
});

test('texts are split into sentences', () => {
  expect(splitSentences(text)).toEqual(['Hello, how can I help you today?', 'We are open from eight to six.']);
  expect(splitSentences('Yes. No. Of course we are open on Friday.')).toEqual([
    'Yes. No. Of course we are open on Friday.',
  ]);
  expect(splitSentences('  ')).toEqual([]);
});
