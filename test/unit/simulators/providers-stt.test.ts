import { setTimeout as sleep } from 'node:timers/promises';
import { initializeLogger, stt } from '@livekit/agents';
import * as deepgram from '@livekit/agents-plugin-deepgram';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startProviders } from '#src/simulators/providers/server.ts';
import { callerVoice, synthesizeClip } from '#src/simulators/speech/speech.ts';
import { finals, listenTo, microphone, refusal, sampleRate, silence, spoken } from './providers-support.ts';

const line = 'What are your opening hours?';
const scenario = { name: 'hours', caller: [line, ['I would like', 'an appointment'], 'Thank you'] };

test('the Deepgram plugin transcribes the scenario from real speech: start, growing interims, final, end', async () => {
  initializeLogger({ pretty: false, level: 'error' });
  await using providers = await startProviders({ scenarios: [scenario] });
  const stream = new deepgram.STT({ apiKey: 'any', baseUrl: providers.deepgramUrl }).stream();
  const events: stt.SpeechEvent[] = [];
  const reading = (async () => {
    for await (const event of stream) events.push(event);
  })();
  for await (const frame of microphone(silence(300), await spoken(line), silence(900))) stream.pushFrame(frame);
  for await (const frame of microphone(await spoken('I would like'), silence(600), await spoken('an appointment'))) {
    stream.pushFrame(frame);
  }
  for await (const frame of microphone(silence(900))) stream.pushFrame(frame);
  stream.close();
  await reading;

  const { START_OF_SPEECH, INTERIM_TRANSCRIPT, FINAL_TRANSCRIPT, END_OF_SPEECH } = stt.SpeechEventType;
  const textsOf = (type: stt.SpeechEventType): string[] =>
    events.filter((event) => event.type === type).map((event) => event.alternatives?.[0].text ?? '');
  expect(textsOf(FINAL_TRANSCRIPT)).toEqual([line, 'I would like', 'an appointment']);
  const types = events.map(({ type }) => type).filter((type) => type !== stt.SpeechEventType.RECOGNITION_USAGE);
  const firstTurn = types.slice(0, types.indexOf(END_OF_SPEECH) + 1);
  expect(firstTurn[0]).toBe(START_OF_SPEECH);
  expect(firstTurn.slice(1, -2)).toContain(INTERIM_TRANSCRIPT);
  expect(new Set(firstTurn.slice(1, -2))).toEqual(new Set([INTERIM_TRANSCRIPT]));
  expect(firstTurn.slice(-2)).toEqual([FINAL_TRANSCRIPT, END_OF_SPEECH]);
  const interims = textsOf(INTERIM_TRANSCRIPT);
  expect(interims[0]?.length).toBeLessThan(line.length / 2);
  expect(line.startsWith(interims[0] ?? 'nothing')).toBe(true);
  const words = events.find((event) => event.type === FINAL_TRANSCRIPT)?.alternatives?.[0].words ?? [];
  expect(words.map(({ text }) => text)).toEqual(line.split(' '));
  expect(words[0]?.startTime).toBeGreaterThan(0.2);
}, 30_000);

test('a pause splits an utterance with word times where it occurs', async () => {
  await using providers = await startProviders({ scenarios: [scenario] });
  const clip = await synthesizeClip('Good morning. I need a new appointment.', { voice: callerVoice, sampleRate });
  const afterFirst = Math.round(
    (((clip.words[1]?.endMs ?? 0) + (clip.words[2]?.startMs ?? 0)) / 2 / 1000) * sampleRate,
  );
  await providers.queueUtterance('Good morning. I need a new appointment.', {
    words: clip.words.map((word, index) => ({
      ...word,
      startMs: word.startMs + (index > 1 ? 700 : 0),
      endMs: word.endMs + (index > 1 ? 700 : 0),
    })),
  });
  await using listener = await listenTo(providers);
  listener.send(
    silence(200),
    clip.samples.slice(0, afterFirst),
    silence(700),
    clip.samples.slice(afterFirst),
    silence(400),
  );
  listener.send(silence(3000), await spoken('the next line'), silence(400));
  await expect
    .poll(() => finals(listener.messages), { timeout: 10_000 })
    .toEqual(['Good morning.', 'I need a new appointment.', line]);
});

test('interims contain only words that ended long enough ago', async () => {
  await using providers = await startProviders({ scenarios: [scenario], delays: { interimLagMs: 200 } });
  const clip = await synthesizeClip('one two three four five six', { voice: callerVoice, sampleRate, maxPauseMs: 100 });
  await providers.queueUtterance('one two three four five six', { words: clip.words });
  await using listener = await listenTo(providers, { query: '&interim_results=true' });
  let sentMs = 0;
  const seen: { words: number; sentMs: number }[] = [];
  listener.socket.on('message', () => {
    const words = listener.messages.at(-1)?.channel?.alternatives[0]?.words.length ?? 0;
    seen.push({ words, sentMs });
  });
  for await (const frame of microphone(clip.samples, silence(600))) {
    listener.send(frame.data);
    sentMs += 20;
  }
  expect(seen.length).toBeGreaterThan(4);
  expect(seen.at(-1)?.words).toBe(6);
  for (const { words, sentMs: atMs } of seen) {
    expect(clip.words[words - 1]?.endMs ?? 0).toBeLessThanOrEqual(Math.max(0, atMs - 100));
  }
}, 20_000);

test('endpointing decides which silence is a pause', async () => {
  await using providers = await startProviders({ scenarios: [scenario] });
  const sound = [await spoken('Hello there'), silence(400), await spoken('Hello again'), silence(1200)];
  await using quick = await listenTo(providers, { query: '&endpointing=25' });
  quick.send(...sound);
  await expect.poll(() => finals(quick.messages), { timeout: 10_000 }).toEqual([line, 'I would like']);
  await using slow = await listenTo(providers, { query: '&endpointing=1000' });
  slow.send(...sound);
  await expect.poll(() => finals(slow.messages), { timeout: 10_000 }).toEqual([line]);
});

test('speech ends by the clock when audio stops arriving, and UtteranceEnd follows', async () => {
  await using providers = await startProviders({ scenarios: [scenario] });
  await using listener = await listenTo(providers, { query: '&utterance_end_ms=1000&vad_events=true' });
  listener.send(await spoken('Hello there'));
  await listener.until((message) => message.speech_final === true);
  await listener.until((message) => message.type === 'UtteranceEnd');
  expect(listener.messages.map(({ type }) => type)).toEqual(['SpeechStarted', 'Results', 'UtteranceEnd']);
});

test('Finalize and CloseStream return what was heard; KeepAlive returns nothing', async () => {
  await using providers = await startProviders({ scenarios: [scenario] });
  const listener = await listenTo(providers);
  listener.socket.send('{"type":"KeepAlive"}');
  listener.send(await spoken('Hello there'));
  listener.socket.send('{"type":"Finalize"}');
  expect((await listener.until((message) => message.is_final === true)).from_finalize).toBe(true);
  listener.send(await spoken('Hello there'));
  listener.socket.send('{"type":"CloseStream"}');
  expect(await listener.closed).toBe(1000);
  expect(finals(listener.messages)).toEqual([line, 'I would like']);
  expect(listener.messages.at(-1)?.type).toBe('Metadata');
});

test('queued utterances come first; after the last line there is no transcript', async () => {
  await using providers = await startProviders({ scenarios: [scenario] });
  await providers.queueUtterance(['From outside', 'in two parts']);
  await using listener = await listenTo(providers);
  for (let time = 0; time < 7; time++) listener.send(await spoken('Hello there'), silence(500));
  await expect
    .poll(() => finals(listener.messages), { timeout: 10_000 })
    .toEqual(['From outside', 'in two parts', line, 'I would like', 'an appointment', 'Thank you', '']);
});

test('parallel calls: the key or the URL selects the scenario, and each call has its own position in it', async () => {
  await using providers = await startProviders({ scenarios: [scenario, { name: 'other', caller: ['Other line'] }] });
  await using first = await listenTo(providers);
  await using second = await listenTo(providers);
  await using byKey = await listenTo(providers, { key: 'other' });
  await using byAddress = await listenTo(providers.urlsOf('other'));
  for (const listener of [first, second, byKey, byAddress]) listener.send(await spoken('Hello there'), silence(500));
  await expect
    .poll(() => [first, second, byKey, byAddress].map(({ messages }) => finals(messages)[0]), { timeout: 10_000 })
    .toEqual([line, line, 'Other line', 'Other line']);
  expect(await refusal(`${providers.urlsOf('nobody').deepgramUrl}/v1/listen`, 'Token any')).toBe(404);
});

test('invalid keys and invalid requests are rejected', async () => {
  await using providers = await startProviders({ apiKey: 'secret', scenarios: [scenario] });
  const url = `${providers.deepgramUrl}/v1/listen?encoding=linear16&sample_rate=16000`;
  expect(await refusal(url)).toBe(401);
  expect(await refusal(url, 'Token ')).toBe(401);
  expect(await refusal(url, 'Token wrong')).toBe(401);
  expect(await refusal(`${providers.deepgramUrl}/v1/listen?encoding=opus`, 'Token secret')).toBe(400);
  await using listener = await listenTo(providers, { key: 'secret' });
  expect(listener.socket.readyState).toBe(WebSocket.OPEN);
});

test('faults: rejected, hanging, silent', async () => {
  await using providers = await startProviders({ scenarios: [scenario] });
  const url = `${providers.deepgramUrl}/v1/listen?encoding=linear16&sample_rate=16000`;
  await providers.setFault({ service: 'stt', kind: 'refuse429', times: 2 });
  expect([await refusal(url, 'Token k'), await refusal(url, 'Token k')]).toEqual([429, 429]);

  await providers.setFault({ service: 'stt', kind: 'hangConnect' });
  const hanging = new WebSocket(url, { headers: { Authorization: 'Token k' } });
  hanging.on('error', () => hanging.terminate());
  await sleep(300);
  expect(hanging.readyState).toBe(WebSocket.CONNECTING);
  hanging.terminate();

  await providers.setFault({ service: 'stt', kind: 'silent' });
  await using listener = await listenTo(providers, { query: '&vad_events=true' });
  listener.send(await spoken('Hello there'), silence(500));
  await sleep(600);
  expect(listener.messages).toEqual([]);
  expect(listener.socket.readyState).toBe(WebSocket.OPEN);

  await using next = await listenTo(providers);
  listener.socket.terminate();
  await listener.closed;
  await sleep(50);
  next.send(await spoken('Hello there'), silence(500));
  await expect.poll(() => finals(next.messages), { timeout: 10_000 }).toEqual([line]);
  expect((await providers.log()).requests.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
    'listen 429',
    'listen 429',
    'listen 0',
    'listen 101',
    'listen 101',
    'final 200',
  ]);
});

test('faults: a dropped client gets the same line if it resends its audio at once, then the next', async () => {
  await using providers = await startProviders({ scenarios: [scenario] });
  await using listener = await listenTo(providers);
  listener.send(await spoken('Hello there'), silence(500));
  await listener.until((message) => message.is_final === true);
  await providers.setFault({ service: 'stt', kind: 'dropAtFinal' });
  listener.send(await spoken('I would like'), silence(500));
  expect(await listener.closed).toBe(1006);

  await providers.setFault({ service: 'stt', kind: 'dropAfterMs', since: 'speech', ms: 50 });
  await using again = await listenTo(providers);
  again.send(await spoken('I would like'));
  expect(await again.closed).toBe(1006);
  await using third = await listenTo(providers);
  third.send(await spoken('I would like'), silence(500), await spoken('an appointment'), silence(500));
  await expect.poll(() => finals(third.messages), { timeout: 10_000 }).toEqual(['I would like', 'an appointment']);

  await providers.setFault({ service: 'stt', kind: 'dropAfterMs', ms: 20 });
  await using fourth = await listenTo(providers);
  expect(await fourth.closed).toBe(1006);
});
