/* eslint-disable no-restricted-exports -- the framework looks for the default export */
/**
 * The reference of the speech benchmarks: the voice quickstart of `@livekit/agents` with the plugins of Silero, Deepgram and
 * OpenAI. Only the providers' addresses are set, and what the variant in the dispatch's metadata says.
 */
import { defineAgent, voice, type JobContext, type JobProcess, type VAD } from '@livekit/agents';
import * as deepgram from '@livekit/agents-plugin-deepgram';
import * as openai from '@livekit/agents-plugin-openai';
import { AudioFrame, RoomEvent } from '@livekit/rtc-node';
import { flushCompileCache } from 'node:module';
import { ReadableStream } from 'node:stream/web';
import { isStockVariant, tunedOptions, type StockVariant } from './stock-variants.ts';

type SessionOptions = NonNullable<ConstructorParameters<typeof voice.AgentSession>[0]>;

const sampleRate = 24_000;
const frameMs = 50;
const { DEEPGRAM_BASE_URL: deepgramUrl = '', OPENAI_BASE_URL: openaiUrl = '' } = process.env;
const { STOCK_GREETING: greeting = '', STOCK_BUNDLED_VAD } = process.env;
const isBundled = STOCK_BUNDLED_VAD !== undefined;

type Warm = { vad?: VAD; tunedVad?: VAD; greeting?: Int16Array };

/** The turn handling of a variant; the framework's own default where it says nothing. */
const optionsOf = (variant: StockVariant, { vad, tunedVad }: Warm): Partial<SessionOptions> => {
  if (variant === 'vad' || variant === 'stt') return { ...(vad && { vad }), turnHandling: { turnDetection: variant } };
  if (variant === 'tuned') return { ...(tunedVad && { vad: tunedVad }), ...tunedOptions };
  return vad ? { vad } : {};
};

/** Asks the voice for the greeting before there is a call. */
const prepareGreeting = async (): Promise<Int16Array> => {
  const response = await fetch(`${openaiUrl}/audio/speech`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer simulated' },
    body: JSON.stringify({ model: 'gpt-4o-mini-tts', input: greeting, voice: 'alloy', response_format: 'pcm' }),
  });
  if (!response.ok) throw new Error(`the voice answered ${response.status}: ${await response.text()}`);
  return new Int16Array(await response.arrayBuffer());
};

const framesOf = (samples: Int16Array): ReadableStream<AudioFrame> => {
  const size = (sampleRate * frameMs) / 1000;
  return new ReadableStream({
    start: (controller) => {
      for (let at = 0; at < samples.length; at += size) {
        const part = samples.slice(at, at + size);
        controller.enqueue(new AudioFrame(part, sampleRate, 1, part.length));
      }
      controller.close();
    },
  });
};

/**
 * Settles once the caller can hear: LiveKit SIP says so in an attribute. Audio that needs no provider is ready before, and its first word
 * would be lost.
 */
const whenActive = async ({ room }: JobContext<Warm>): Promise<void> => {
  const isActive = (): boolean =>
    [...room.remoteParticipants.values()].some(({ attributes }) => attributes['sip.callStatus'] === 'active');
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const look = (): void => void (isActive() && resolve(undefined));
  room.on(RoomEvent.ParticipantAttributesChanged, look);
  room.on(RoomEvent.ParticipantConnected, look);
  look();
  await promise;
};

const greet = (session: voice.AgentSession, variant: StockVariant, warm: Warm): void => {
  if (variant === 'say') session.say(greeting);
  else if (variant === 'say-prepared') session.say(greeting, { audio: framesOf(warm.greeting ?? new Int16Array()) });
  else session.generateReply({ instructions: 'Greet the user and offer your assistance.' });
};

export default defineAgent({
  prewarm: async (proc: JobProcess<Warm>) => {
    // The cheapest stock never loads the plugin: its session brings a detector of its own.
    if (!isBundled) {
      const plugin = await import('@livekit/agents-plugin-silero');
      proc.userData.vad = await plugin.VAD.load();
      proc.userData.tunedVad = await plugin.VAD.load({ minSilenceDuration: 250 });
    }
    flushCompileCache();
    if (greeting !== '') proc.userData.greeting = await prepareGreeting();
    process.stdout.write('stock-agent: warm\n');
  },
  entry: async (ctx: JobContext<Warm>) => {
    const { metadata } = ctx.job;
    const variant = isStockVariant(metadata) ? metadata : 'default';
    const session = new voice.AgentSession({
      stt: new deepgram.STT({ apiKey: 'simulated', baseUrl: deepgramUrl }),
      llm: new openai.LLM({ apiKey: 'simulated', baseURL: openaiUrl }),
      tts: new openai.TTS({ apiKey: 'simulated', baseURL: openaiUrl }),
      ...optionsOf(variant, ctx.proc.userData),
    });
    const agent = new voice.Agent({ instructions: 'You are a helpful voice AI assistant.' });
    await session.start({ agent, room: ctx.room });
    await ctx.connect();
    if (variant === 'say-prepared') await whenActive(ctx);
    greet(session, variant, ctx.proc.userData);
  },
});
