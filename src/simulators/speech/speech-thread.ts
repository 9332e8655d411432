/** The worker thread of `threaded-speech.ts`. */
import { parentPort } from 'node:worker_threads';
import { loadSpeech } from './speech.ts';
import type { SpeechRequest, SpeechResponse } from './threaded-speech.ts';

const speech = await loadSpeech();

parentPort?.on('message', ({ id, text, options }: SpeechRequest) => {
  parentPort?.postMessage({ id, clip: speech.synthesize(text, options) } satisfies SpeechResponse);
});
parentPort?.postMessage('ready');
