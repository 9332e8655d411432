import { setTimeout as sleep } from 'node:timers/promises';
import { AudioFrame } from '@livekit/rtc-node';
import { WebSocket } from 'ws';
import type { Providers } from '#src/simulators/providers/server.ts';
import { concatSamples } from '#src/simulators/audio/pcm.ts';
import { callerVoice, synthesize } from '#src/simulators/speech/speech.ts';

export const sampleRate = 16_000;

/** A text as a caller speaks it, without pauses. */
export const spoken = async (text: string): Promise<Int16Array> =>
  synthesize(text, { voice: callerVoice, sampleRate, rate: 1.3, maxPauseMs: 100 });

export const silence = (ms: number): Int16Array => new Int16Array((sampleRate * ms) / 1000);

/** 20 ms frames at the pace of a microphone. */
export async function* microphone(...parts: Int16Array[]): AsyncGenerator<AudioFrame> {
  const samples = concatSamples(parts);
  const startedMs = performance.now();
  const size = sampleRate / 50;
  for (let at = 0; at + size <= samples.length; at += size) {
    yield new AudioFrame(samples.slice(at, at + size), sampleRate, 1, size);
    await sleep(Math.max(0, startedMs + ((at + size) / sampleRate) * 1000 - performance.now()));
  }
}

export type Results = {
  type: string;
  is_final?: boolean;
  speech_final?: boolean;
  from_finalize?: boolean;
  last_word_end?: number;
  channel?: { alternatives: { transcript: string; words: { word: string; start: number; end: number }[] }[] };
};

export type Listener = AsyncDisposable & {
  socket: WebSocket;
  messages: Results[];
  /** Sends audio at once, however long it is. */
  send(...parts: Int16Array[]): void;
  /** The first message that passes, received already or later. */
  until(test: (message: Results) => boolean): Promise<Results>;
  closed: Promise<number>;
};

/** A plain client of `/v1/listen`. */
export const listenTo = async (
  providers: Pick<Providers, 'deepgramUrl'>,
  { key = 'any', query = '' }: { key?: string; query?: string } = {},
): Promise<Listener> => {
  const url = `${providers.deepgramUrl}/v1/listen?encoding=linear16&sample_rate=${sampleRate}&smart_format=true${query}`;
  const socket = new WebSocket(url, { headers: { Authorization: `Token ${key}` } });
  const messages: Results[] = [];
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString('utf8')) as Results));
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.on('error', () => socket.terminate());
  return {
    ...{ socket, messages, closed },
    send: (...parts) => socket.send(Buffer.from(concatSamples(parts).buffer)),
    async until(test) {
      for (;;) {
        const found = messages.find(test);
        if (found) return found;
        await sleep(5);
      }
    },
    async [Symbol.asyncDispose]() {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'CloseStream' }));
      else socket.terminate();
      await closed;
    },
  };
};

export const finals = (messages: Results[]): string[] =>
  messages.filter((m) => m.is_final).map((m) => m.channel?.alternatives[0]?.transcript ?? '');

/** The status with which an upgrade is rejected. */
export const refusal = async (url: string, authorization?: string): Promise<number> => {
  const socket = new WebSocket(url, { headers: authorization === undefined ? {} : { Authorization: authorization } });
  socket.on('error', () => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on('open', () => reject(new Error('The socket opened.')));
  });
};
