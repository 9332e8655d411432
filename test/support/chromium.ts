/** The browser that the tests use. */
import { obtainProgram } from './debian.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The path of a Chromium. @throws with what to do, when there is none and none can be installed */
export const obtainChromium = (progress: (line: string) => void): Promise<string> =>
  obtainProgram(names, 'chromium', progress);
