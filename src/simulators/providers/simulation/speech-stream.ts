/** Streams a text as audio, sentence by sentence, at the pace of a speech service. */
import type { Fault } from './faults.ts';
import { hang, waitUntil } from './pacing.ts';
import type { Simulation } from './simulation.ts';
import { concatSamples } from '../../audio/pcm.ts';
import type { SpeechOptions } from '../../speech/speech.ts';

const chunkMs = 100;
const pauseBetweenSentencesMs = 250;
const shortestSentence = 25;

/**
 * Yields 16-bit mono PCM at the pace of the simulated service: the first chunk `speechFirstByteMs` after `startedMs` (on the
 * clock of `performance.now()`), the others at `speechRealtimeFactor`.
 * @throws AbortError when the signal fires
 */
export async function* streamSpeech(
  simulation: Simulation,
  text: string,
  options: SpeechOptions & { sampleRate: number },
  startedMs: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const size = Math.round((options.sampleRate * chunkMs) / 1000);
  const pause = new Int16Array(Math.round((options.sampleRate * pauseBetweenSentencesMs) / 1000));
  let firstMs = startedMs + simulation.delays.speechFirstByteMs;
  let sentMs = 0;
  for (const [index, sentence] of splitSentences(text).entries()) {
    const { samples } = await simulation.speech.synthesize(sentence, options);
    if (index === 0) firstMs = Math.max(firstMs, performance.now());
    const all = index === 0 ? samples : concatSamples([pause, samples]);
    for (let at = 0; at < all.length; at += size) {
      const chunk = all.slice(at, at + size);
      await waitUntil(firstMs + sentMs / simulation.delays.speechRealtimeFactor, signal);
      yield Buffer.from(chunk.buffer);
      sentMs += (chunk.length / options.sampleRate) * 1000;
    }
  }
}

/** Splits into sentences, joining the shortest, so that the first is heard before the last is synthesized. */
export const splitSentences = (text: string): string[] => {
  const found: string[] = [];
  let current = '';
  for (const part of text.split(/(?<=[.!?…]["')\]]*)\s+/)) {
    current = current === '' ? part : `${current} ${part}`;
    if (current.length < shortestSentence) continue;
    found.push(current);
    current = '';
  }
  if (current.trim() !== '') found.push(current);
  return found;
};

/**
 * Applies a fault to the chunks: `empty` yields none, `stall` stops without ending, `oddBytes` splits samples between chunks
 * and loses the last byte.
 * @throws AbortError when the signal fires
 */
export async function* applyFault(
  chunks: AsyncIterable<Buffer>,
  fault: Extract<Fault, { service: 'tts' }> | null,
  sampleRate: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (fault?.kind === 'empty') return;
  let sentBytes = 0;
  let carried = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (fault?.kind === 'stall' && sentBytes >= (fault.afterAudioMs / 1000) * sampleRate * 2) await hang(signal);
    if (fault?.kind === 'oddBytes') {
      const joined = Buffer.concat([carried, chunk]);
      carried = joined.subarray(-1);
      yield joined.subarray(0, -1);
    } else yield chunk;
    sentBytes += chunk.length;
  }
}

/** The header of a WAV stream (16-bit mono) of unknown length. */
export const wavHeader = (sampleRate: number): Buffer => {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(0xffffffff, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(0xffffffff, 40);
  return header;
};
