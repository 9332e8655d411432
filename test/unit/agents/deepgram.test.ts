/** The Deepgram STT against the simulator: no words are lost or transcribed twice, whatever happens to the connection. */
import { initializeLogger, stt } from '@livekit/agents';
import { expect, test } from 'vitest';
import { DeepgramStt, type SttLimits } from '#agents/telephony/stt/deepgram.ts';
import { startProviders } from '#src/simulators/providers/server.ts';
import { microphone, silence, spoken } from '../simulators/providers-support.ts';

const line = 'What are your opening hours?';
const scenario = { name: 'hours', caller: [line, 'Thank you, goodbye.'] };

const limits: SttLimits = { connectTimeoutMs: 500, silentTimeoutMs: 1_000, giveUpMs: 2_000 };

initializeLogger({ pretty: false, level: 'silent' });

/** Transcribes audio; returns all events. */
const transcribe = async (baseUrl: string, ...audio: Int16Array[]) => {
  const deepgram = new DeepgramStt({ apiKey: 'any', baseUrl, model: 'nova-3', language: 'en', limits });
  const errors: string[] = [];
  deepgram.on('error', ({ error }) => errors.push(error.message));
  const stream = deepgram.stream();
  const events: stt.SpeechEvent[] = [];
  const reading = (async () => {
    for await (const event of stream) events.push(event);
  })();
  for await (const frame of microphone(...audio)) stream.pushFrame(frame);
  stream.close();
  await reading;
  const textsOf = (type: stt.SpeechEventType): string[] =>
    events.filter((event) => event.type === type).map((event) => event.alternatives?.[0].text ?? '');
  return {
    errors,
    events,
    finals: textsOf(stt.SpeechEventType.FINAL_TRANSCRIPT),
    interims: textsOf(stt.SpeechEventType.INTERIM_TRANSCRIPT),
    complete: textsOf(stt.SpeechEventType.PREFLIGHT_TRANSCRIPT),
  };
};

test('growing interim transcripts, then a final one, with times since the first sample', async () => {
  await using providers = await startProviders({ scenarios: [scenario] });
  const { finals, interims, events } = await transcribe(
    providers.deepgramUrl,
    silence(300),
    await spoken(line),
    silence(800),
    await spoken('Thank you, goodbye.'),
    silence(800),
  );
  expect(finals).toEqual([line, 'Thank you, goodbye.']);
  expect(line.startsWith(interims[0] ?? 'nothing')).toBe(true);
  const starts = events
    .filter(({ type }) => type === stt.SpeechEventType.FINAL_TRANSCRIPT)
    .map((event) => event.alternatives?.[0].startTime ?? 0);
  expect(starts[0]).toBeGreaterThan(0.2);
  expect(starts[1]).toBeGreaterThan(1.5);
}, 30_000);

test('at a pause, an interim transcript is marked as complete once, before the final one', async () => {
  const delays = { interimEveryMs: 20, finalDelayMs: 600 };
  await using providers = await startProviders({ scenarios: [scenario], delays });
  const { complete, finals } = await transcribe(providers.deepgramUrl, silence(300), await spoken(line), silence(800));
  expect(finals).toEqual([line]);
  expect(complete.at(-1)).toBe(line);
  expect(new Set(complete).size).toBe(complete.length);
}, 30_000);

test.each([
  ['closes in the middle of speech', { kind: 'dropAfterMs', since: 'speech', ms: 400 }],
  ['closes before the final transcript', { kind: 'dropAtFinal' }],
  ['hangs while connecting', { kind: 'hangConnect' }],
  ['is refused at first', { kind: 'refuse429', times: 2 }],
  ['sends nothing', { kind: 'silent' }],
] as const)(
  'a socket that %s: every word is transcribed once',
  async (_what, fault) => {
    await using providers = await startProviders({ scenarios: [scenario] });
    await providers.setFault({ service: 'stt', ...fault });
    const audio = [await spoken(line), silence(1_500), await spoken('Thank you, goodbye.'), silence(2_000)];
    const { finals, errors } = await transcribe(providers.deepgramUrl, ...audio);
    expect(finals).toEqual([line, 'Thank you, goodbye.']);
    expect(errors).toEqual([]);
  },
  30_000,
);

test('an unreachable Deepgram is reported as one error within the limit', async () => {
  const startedAt = performance.now();
  const { errors, finals } = await transcribe('ws://127.0.0.1:9', silence(4_500));
  expect(errors).toEqual(['Deepgram could not be reached']);
  expect(finals).toEqual([]);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
}, 30_000);
