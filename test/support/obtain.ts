/** Programs that the tests need. Building the server or installing the browser takes minutes, so it happens before any test's time counts. */
import { obtainLivekitServer } from '#src/local/livekit/server.ts';
import { obtainChromium } from './chromium.ts';

const progress = (line: string): void => console.log(line);

/** Vitest's globalSetup. */
export const setup = async (): Promise<void> => {
  await obtainLivekitServer({ env: process.env, progress });
  await obtainChromium(progress);
};
