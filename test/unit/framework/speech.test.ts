/** What speech.ts relies on in the framework. */
import { initializeLogger, tts, voice } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { StreamingTts } from '#agents/telephony/tts/streaming-tts.ts';
import { openSpeechContext, setInterruptible, ttsStartedAt, whenCutOff } from '#src/framework/speech.ts';
import { openSpeechServer, pcm } from '../agents/speech-server.ts';

initializeLogger({ pretty: false, level: 'silent' });

test('an interrupted speech settles whenCutOff, a finished one does not', async () => {
  const [interrupted, finished] = [voice.SpeechHandle.create(), voice.SpeechHandle.create()];
  const cutOff: string[] = [];
  whenCutOff(interrupted).then(
    () => cutOff.push('interrupted'),
    () => null,
  );
  whenCutOff(finished).then(
    () => cutOff.push('finished'),
    () => null,
  );
  interrupted.interrupt();
  interrupted._markDone();
  finished._markDone();
  await sleep(20);
  expect(cutOff).toEqual(['interrupted']);
});

test('a speech can be made uninterruptible and interruptible again', () => {
  const speech = voice.SpeechHandle.create({ allowInterruptions: true });
  setInterruptible(speech, false);
  expect(() => speech.interrupt()).toThrow(/does not allow interruptions/);
  expect(speech.interrupted).toBe(false);
  setInterruptible(speech, true);
  speech.interrupt();
  expect(speech.interrupted).toBe(true);
});

test('a node of the agent knows which speech it works on', async () => {
  const context = openSpeechContext();
  const inNode: (voice.SpeechHandle | undefined)[] = [];
  const created: voice.SpeechHandle[] = [];
  class ProbedAgent extends voice.Agent {
    override async llmNode(...args: Parameters<voice.Agent['llmNode']>): ReturnType<voice.Agent['llmNode']> {
      inNode.push(context.current());
      return super.llmNode(...args);
    }
  }
  const session = new voice.AgentSession({
    llm: new voice.testing.FakeLLM([
      { input: 'One', content: 'Yes.' },
      { input: 'Two', content: 'No.' },
    ]),
    vad: null,
    turnHandling: { turnDetection: null },
  });
  session.on(voice.AgentSessionEventTypes.SpeechCreated, ({ speechHandle }) => {
    context.enter(speechHandle);
    created.push(speechHandle);
  });
  await session.start({ agent: new ProbedAgent({ instructions: '' }), record: false });
  for (const userInput of ['One', 'Two']) await session.run({ userInput }).wait();
  await session.close();
  expect(created).toHaveLength(2);
  expect(inNode).toEqual(created);
});

test('a frame has the time at which its text was sent to the TTS', async () => {
  await using server = await openSpeechServer(async (response) => {
    await sleep(100);
    response.end(pcm(100));
  });
  const source = new StreamingTts({
    providers: { openai: { baseUrl: server.baseUrl, apiKey: 'key' }, deepgram: { baseUrl: 'ws://-', apiKey: '' } },
    voice: { provider: 'openai', model: 'tts-1', voice: 'alloy', rate: 1 },
  });
  const stream = source.stream();
  const before = performance.now();
  stream.pushText('Hello there.');
  stream.endInput();
  let startedAt: number | null = null;
  for await (const event of stream) {
    if (event !== tts.SynthesizeStream.END_OF_STREAM) startedAt = ttsStartedAt(event.frame);
    break;
  }
  const firstAudioAt = performance.now();
  stream.close();
  expect(startedAt).toBeGreaterThanOrEqual(before - 5);
  expect(startedAt).toBeLessThan(firstAudioAt - 50);
});
