/** The thread of `speaker.ts`: makes the clips it is asked for, one after the other. */
import { parentPort } from 'node:worker_threads';
import type { SpeechRequest, SpeechReply } from './threaded-speech.ts';
import { loadSpeech } from './speech.ts';

const speech = await loadSpeech();

parentPort?.on('message', ({ id, text, options }: SpeechRequest) => {
  parentPort?.postMessage({ id, clip: speech.synthesize(text, options) } satisfies SpeechReply);
});
parentPort?.postMessage('ready');
