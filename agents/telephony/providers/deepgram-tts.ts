/** Deepgram's voice at the speed that is asked for: https://developers.deepgram.com/docs/tts-voice-controls */
import * as deepgram from '@livekit/agents-plugin-deepgram';
import { speedNow } from './pace.ts';

export type DeepgramTtsOptions = Readonly<{
  apiKey: string;
  /** http(s)://… */
  baseUrl: string;
  model: string;
  /** 1 is the voice's own speed. Only the voices of aura-2 have another. */
  rate: number;
}>;

const slowest = 0.7;
const fastest = 1.5;

export class DeepgramTts extends deepgram.TTS {
  readonly #rate: number;
  /** What the plugin asks for; 1 at first, by not asking. */
  #speed = 1;

  constructor({ rate, ...options }: DeepgramTtsOptions) {
    super(options);
    this.#rate = rate;
  }

  override stream(...args: Parameters<deepgram.TTS['stream']>): ReturnType<deepgram.TTS['stream']> {
    const speed = Math.min(fastest, Math.max(slowest, speedNow(this.#rate)));
    if (speed !== this.#speed && this.model.startsWith('aura-2')) {
      this.updateOptions({ speed });
      this.#speed = speed;
    }
    return super.stream(...args);
  }
}
