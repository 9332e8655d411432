/** Audio input and output for the warm-up, without a caller. */
import { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import { voice } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';

const sampleRate = 16_000;
const frameMs = 10;

class SilentInput extends voice.AudioInput implements Disposable {
  #isOver = false;

  constructor() {
    super();
    this.multiStream.addInputStream(ReadableStream.from(this.#frames()));
  }

  async *#frames(): AsyncGenerator<AudioFrame> {
    const samples = (sampleRate * frameMs) / 1000;
    while (!this.#isOver) {
      yield new AudioFrame(new Int16Array(samples), sampleRate, 1, samples);
      await sleep(frameMs);
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
  }
}

/** Yields silence until it is disposed of. */
export const silentInput = (): voice.AudioInput & Disposable => new SilentInput();

class InstantOutput extends voice.AudioOutput {
  #seconds = 0;

  constructor() {
    super(24_000, undefined, { pause: true });
  }

  override async captureFrame(frame: AudioFrame): Promise<void> {
    await super.captureFrame(frame);
    if (this.#seconds === 0) this.onPlaybackStarted(Date.now());
    this.#seconds += frame.samplesPerChannel / frame.sampleRate;
  }

  override flush(): void {
    super.flush();
    this.#end(false);
  }

  override clearBuffer(): void {
    this.#end(true);
  }

  #end(interrupted: boolean): void {
    if (this.#seconds === 0) return;
    this.onPlaybackFinished({ playbackPosition: this.#seconds, interrupted });
    this.#seconds = 0;
  }
}

/** Plays everything instantly, to no one. */
export const instantOutput = (): voice.AudioOutput => new InstantOutput();
