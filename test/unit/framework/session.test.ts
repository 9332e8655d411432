/** What session.ts relies on in the framework. `reportTtsError` is tested in test/unit/agents/streaming-tts.test.ts. */
import { initializeLogger, voice } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DeepgramStt } from '#agents/telephony/stt/deepgram.ts';
import { keepSessionOpen, replaceText } from '#src/framework/session.ts';

initializeLogger({ pretty: false, level: 'silent' });

/** Emits an unrecoverable STT error in a running session. Returns the reasons with which the session closed meanwhile. */
const closedBySttError = async (onError: (event: voice.ErrorEvent) => void): Promise<string[]> => {
  const stt = new DeepgramStt({ apiKey: 'any', baseUrl: 'ws://127.0.0.1:9', model: 'nova-3', language: 'en' });
  const session = new voice.AgentSession({
    stt,
    vad: null,
    turnHandling: { turnDetection: null },
    connOptions: { maxUnrecoverableErrors: 10 },
  });
  const reasons: string[] = [];
  session.on(voice.AgentSessionEventTypes.Close, ({ reason }) => reasons.push(reason));
  session.on(voice.AgentSessionEventTypes.Error, onError);
  await session.start({ agent: new voice.Agent({ instructions: '' }), record: false });
  const error = new Error('no connection');
  stt.emit('error', { type: 'stt_error', timestamp: Date.now(), label: stt.label, error, recoverable: false });
  await sleep(200);
  const meanwhile = [...reasons];
  await session.close();
  return meanwhile;
};

test('an unrecoverable STT error closes the session, unless keepSessionOpen changes it', async () => {
  expect(await closedBySttError(() => {})).toEqual([voice.CloseReason.ERROR]);
  const kept = await closedBySttError(({ error }) => {
    if (error !== null && 'type' in error && error.type === 'stt_error') keepSessionOpen(error);
  });
  expect(kept).toEqual([]);
});

test('the LLM gets the replaced text of a message', async () => {
  const requests: (string | undefined)[][] = [];
  class ProbedLlm extends voice.testing.FakeLLM {
    override chat(chat: Parameters<voice.testing.FakeLLM['chat']>[0]): ReturnType<voice.testing.FakeLLM['chat']> {
      requests.push(chat.chatCtx.items.flatMap((item) => (item.type === 'message' ? [item.textContent] : [])));
      return super.chat(chat);
    }
  }
  const session = new voice.AgentSession({
    llm: new ProbedLlm([{ input: 'Hi', content: 'Yes?' }]),
    vad: null,
    turnHandling: { turnDetection: null },
  });
  session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
    if (item.type === 'message' && item.role === 'assistant' && requests.length === 0) replaceText(item, 'Hello');
  });
  await session.start({ agent: new voice.Agent({ instructions: '' }), record: false });
  await session.say('Hello there.').waitForPlayout();
  await session.run({ userInput: 'Hi' }).wait();
  await session.close();
  expect(requests).toHaveLength(1);
  expect(requests[0]).toContain('Hello');
  expect(requests[0]).not.toContain('Hello there.');
});
