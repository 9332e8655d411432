import { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import { initializeLogger, stt, voice, type LanguageCode } from '@livekit/agents';
import { expect, test } from 'vitest';
import { openGreetingGuard } from '#agents/telephony/turns/greeting-guard.ts';
import { openSpeechTracker } from '#agents/telephony/turns/speech-tracker.ts';

const { SpeechCreated, AgentStateChanged } = voice.AgentSessionEventTypes;
const guardMs = 60;

const open = (ms = guardMs) => {
  initializeLogger({ pretty: false, level: 'silent' });
  const session = new voice.AgentSession({ vad: null, turnHandling: { turnDetection: null } });
  const filter = openGreetingGuard(ms, openSpeechTracker(session));
  let hear: (event: stt.SpeechEvent) => void = () => {};
  const source = new ReadableStream<stt.SpeechEvent | string>({
    start: (controller) => {
      hear = (event) => controller.enqueue(event);
    },
  });
  const recognized: string[] = [];
  const reading = (async () => {
    for await (const event of filter(source)) {
      if (typeof event !== 'string') recognized.push(event.alternatives?.[0].text ?? event.type.toString());
    }
  })();
  reading.catch((error: unknown) => recognized.push(String(error)));
  return {
    recognized,
    say: (kind: 'say' | 'generate_reply', allowInterruptions = true) => {
      const speechHandle = voice.SpeechHandle.create({ allowInterruptions });
      session.emit(SpeechCreated, {
        type: SpeechCreated,
        userInitiated: true,
        source: kind,
        speechHandle,
        createdAt: 0,
      });
      return speechHandle;
    },
    speaking: () =>
      session.emit(AgentStateChanged, {
        type: AgentStateChanged,
        oldState: 'listening',
        newState: 'speaking',
        createdAt: 0,
      }),
    hear: async (text: string, type = stt.SpeechEventType.FINAL_TRANSCRIPT) => {
      const alternative = { language: 'en' as LanguageCode, text, startTime: 0, endTime: 0, confidence: 1 };
      hear({ type, alternatives: [alternative] });
      await sleep(5);
    },
  };
};

const interim = stt.SpeechEventType.INTERIM_TRANSCRIPT;

test('what the caller says during the guard is passed on after the greeting', async () => {
  const line = open();
  await line.hear('Early');
  const greeting = line.say('say');
  expect(greeting.allowInterruptions).toBe(false);
  line.speaking();
  await line.hear('Hel', interim);
  await line.hear('Hello?');
  expect(line.recognized).toEqual(['Early']);
  await sleep(guardMs);
  expect(greeting.allowInterruptions).toBe(true);
  expect(line.recognized).toEqual(['Early']);
  greeting._markDone();
  await sleep(5);
  await line.hear('More', interim);
  expect(line.recognized).toEqual(['Early', 'Hello?', 'More']);
});

test('if the caller goes on after the guard, everything they said is passed on', async () => {
  const line = open();
  line.say('say');
  line.speaking();
  await line.hear('Hello?');
  await sleep(guardMs);
  await line.hear('I need', interim);
  expect(line.recognized).toEqual(['Hello?', 'I need']);
});

test('the guard starts with the first sound, and applies to the greeting only', async () => {
  const line = open();
  const reply = line.say('generate_reply');
  const greeting = line.say('say');
  const next = line.say('say');
  await sleep(2 * guardMs);
  expect([reply, greeting, next].map(({ allowInterruptions }) => allowInterruptions)).toEqual([true, false, true]);
  line.speaking();
  await sleep(2 * guardMs);
  expect(greeting.allowInterruptions).toBe(true);
});

test('an uninterruptible speech stays so; without a guard nothing is delayed', async () => {
  const line = open();
  const announcement = line.say('say', false);
  line.speaking();
  await sleep(2 * guardMs);
  expect(announcement.allowInterruptions).toBe(false);
  const free = open(0);
  const greeting = free.say('say');
  free.speaking();
  await free.hear('Hello?');
  expect([greeting.allowInterruptions, free.recognized]).toEqual([true, ['Hello?']]);
});
