/** The thread of `speaker.ts`: makes the clips it is asked for, one after the other. */
import { parentPort } from 'node:worker_threads';
import type { Ask, Reply } from './speaker.ts';
import { openSpeech } from './speech.ts';

const speech = await openSpeech();

parentPort?.on('message', ({ id, text, options }: Ask) => {
  parentPort?.postMessage({ id, clip: speech.clip(text, options) } satisfies Reply);
});
parentPort?.postMessage('ready');
