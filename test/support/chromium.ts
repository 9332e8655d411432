/** The browser of the tests: the one of this machine, else Debian's, which is installed where we may. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const find = async (): Promise<string | null> => {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter))
    for (const name of names) {
      const path = join(folder, name);
      const isThere = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isThere) return path;
    }
  return null;
};

const install = async (): Promise<void> => {
  const run = promisify(execFile);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', 'update'], { env });
  await run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', 'install', '-y', '--no-install-recommends', 'chromium'], {
    env,
    maxBuffer: 100_000_000,
  });
};

/**
 * The path of a Chromium. Installing takes a minute or two.
 * @throws where there is none and none can be installed, with what to do
 */
export const obtainChromium = async (progress: (line: string) => void): Promise<string> => {
  const found = await find();
  if (found !== null) return found;
  progress('Chromium: none on PATH; installing Debian’s package …');
  const why = await install().then(
    () => '',
    (error: unknown) => String(error),
  );
  const installed = await find();
  if (installed === null)
    throw new Error(`The test of the call page needs Chromium: install it, and put it on PATH. ${why}`);
  return installed;
};
