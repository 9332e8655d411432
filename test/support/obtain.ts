/** Before any test's time counts: what the tests need of this machine. Building the server or installing the browser takes minutes. */
import { obtainLivekitServer } from '#src/local/livekit/server.ts';
import { obtainChromium } from './chromium.ts';

const progress = (line: string): void => console.log(line);

/** vitest's globalSetup. */
export const setup = async (): Promise<void> => {
  await obtainLivekitServer({ env: process.env, progress });
  await obtainChromium(progress);
};
