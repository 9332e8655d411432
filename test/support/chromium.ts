/** The browser of the tests. */
import { obtainProgram } from './debian.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The path of a Chromium. @throws where there is none and none can be installed, with what to do */
export const obtainChromium = (progress: (line: string) => void): Promise<string> =>
  obtainProgram(names, 'chromium', progress);
