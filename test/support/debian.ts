/** Programs that the tests need: this machine's own, else Debian's packages, which are installed when the user may do so. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const find = async (names: readonly string[]): Promise<string | null> => {
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

/** Waits for another installation that may be under way. */
const install = async (debianPackage: string): Promise<void> => {
  const run = promisify(execFile);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 100_000_000 };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await run('apt-get', [...wait, 'update'], options);
  await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', debianPackage], options);
};

/**
 * The path of the first of `names` on PATH. Installing `debianPackage` takes from half a minute to two.
 * @throws with what to do, when there is none and none can be installed
 */
export const obtainProgram = async (
  names: readonly string[],
  debianPackage: string,
  progress: (line: string) => void,
): Promise<string> => {
  const found = await find(names);
  if (found !== null) return found;
  progress(`${debianPackage}: none on PATH; installing Debian’s package …`);
  const why = await install(debianPackage).then(
    () => '',
    (error: unknown) => String(error),
  );
  const installed = await find(names);
  if (installed === null) throw new Error(`A test needs ${debianPackage}: install it, and put it on PATH. ${why}`);
  return installed;
};
