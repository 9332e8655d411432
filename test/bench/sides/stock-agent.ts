/* eslint-disable no-restricted-exports -- the framework looks for the default export */
/**
 * The reference of the speech benchmarks: the voice quickstart of `@livekit/agents` with the plugins of Silero, Deepgram and
 * OpenAI and their defaults. Only the addresses of the providers are set, and the turn detection where the dispatch's metadata
 * names one (`vad`, `stt`; nothing: the framework's default).
 */
import { defineAgent, voice, type JobContext, type JobProcess } from '@livekit/agents';
import * as deepgram from '@livekit/agents-plugin-deepgram';
import * as openai from '@livekit/agents-plugin-openai';
import * as silero from '@livekit/agents-plugin-silero';

const turnDetectionOf = (metadata: string): { turnHandling?: { turnDetection: 'vad' | 'stt' } } =>
  metadata === 'vad' || metadata === 'stt' ? { turnHandling: { turnDetection: metadata } } : {};

export default defineAgent({
  prewarm: async (proc: JobProcess) => {
    proc.userData.vad = await silero.VAD.load();
    process.stdout.write('stock-agent: warm\n');
  },
  entry: async (ctx: JobContext) => {
    const { DEEPGRAM_BASE_URL: deepgramUrl = '', OPENAI_BASE_URL: openaiUrl = '' } = process.env;
    const session = new voice.AgentSession({
      vad: ctx.proc.userData.vad as silero.VAD,
      stt: new deepgram.STT({ apiKey: 'simulated', baseUrl: deepgramUrl }),
      llm: new openai.LLM({ apiKey: 'simulated', baseURL: openaiUrl }),
      tts: new openai.TTS({ apiKey: 'simulated', baseURL: openaiUrl }),
      ...turnDetectionOf(ctx.job.metadata),
    });
    const agent = new voice.Agent({ instructions: 'You are a helpful voice AI assistant.' });
    await session.start({ agent, room: ctx.room });
    await ctx.connect();
    session.generateReply({ instructions: 'Greet the user and offer your assistance.' });
  },
});
