/** What turn-detector.ts relies on in the framework: the turn isn't over before the prediction settles. */
import { ReadableStream } from 'node:stream/web';
import { inference, initializeLogger, normalizeLanguage, stt, voice } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DeepgramStt } from '#agents/telephony/stt/deepgram.ts';
import { silentInput } from '#agents/telephony/warm-up/silent-line.ts';
import { createTurnDetector } from '#src/framework/turn-detector.ts';

initializeLogger({ pretty: false, level: 'silent' });

const gapMs = 300;

/** The caller says these texts, `gapMs` apart. Returns the first turn, and when it was over, in ms since the last text. */
const firstTurn = async (texts: readonly string[], remainingMs: (said: string, agentSaid: string) => number) => {
  let lastTextAt = 0;
  const turn = Promise.withResolvers<{ text: string | undefined; afterMs: number }>();
  class ScriptedAgent extends voice.Agent {
    override sttNode(): ReturnType<voice.Agent['sttNode']> {
      async function* events(): AsyncGenerator<stt.SpeechEvent> {
        for (const text of texts) {
          await sleep(gapMs);
          lastTextAt = performance.now();
          const alternative = { language: normalizeLanguage('en'), text, startTime: 0, endTime: 0, confidence: 1 };
          yield { type: stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives: [alternative] };
        }
        await turn.promise;
      }
      return Promise.resolve(ReadableStream.from(events()));
    }
  }
  const session = new voice.AgentSession({
    stt: new DeepgramStt({ apiKey: 'any', baseUrl: 'ws://127.0.0.1:9', model: 'nova-3', language: 'en' }),
    llm: new voice.testing.FakeLLM([]),
    vad: new inference.VAD(),
    turnHandling: {
      turnDetection: createTurnDetector(remainingMs),
      endpointing: { mode: 'fixed', minDelay: 0, maxDelay: 60_000 },
      interruption: { mode: 'vad' },
    },
    aecWarmupDuration: null,
  });
  using input = silentInput();
  session.input.audio = input;
  session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
    if (item.type !== 'message' || item.role !== 'user') return;
    turn.resolve({ text: item.textContent, afterMs: performance.now() - lastTextAt });
  });
  await session.start({ agent: new ScriptedAgent({ instructions: '' }), record: false });
  const result = await turn.promise;
  await session.close();
  return result;
};

test('the prediction delays the end of the turn, and gets the words so far', async () => {
  const predictedFor: string[] = [];
  const { text, afterMs } = await firstTurn(['Hello.'], (said) => {
    predictedFor.push(said);
    return 600;
  });
  expect(text).toBe('Hello.');
  expect(predictedFor).toContain('Hello.');
  expect(afterMs).toBeGreaterThan(550);
}, 20_000);

test('further words supersede a prediction that is still waiting', async () => {
  const { text, afterMs } = await firstTurn(['My name is', 'Sarah.'], (said) => (said.endsWith('Sarah.') ? 0 : 15_000));
  expect(text).toBe('My name is Sarah.');
  expect(afterMs).toBeLessThan(5_000);
}, 20_000);
