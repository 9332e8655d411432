/**
 * Obtains the LiveKit server of local mode: from PATH, from the cache, from the official release, or built with Go, in this
 * order. The cache is outside the checkout and shared by all checkouts.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, lstat, mkdir, mkdtemp, open, rename, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AppError, describeError } from '../../errors.ts';
import { buildWithGo } from './build.ts';
import { archiveName, downloadRelease, releaseUrl } from './download.ts';

export const livekitVersion = '1.11.0';

const suffix = process.platform === 'win32' ? '.exe' : '';
const binaryName = `livekit-server${suffix}`;
const defaultUsualFolders = ['/usr/local/bin', '/opt/homebrew/bin', '/usr/local/go/bin', 'C:\\Program Files\\Go\\bin'];
const lockTouchMs = 2_000;
const lockStaleMs = 15_000;

const advice =
  'Could not obtain a LiveKit server. Install one (macOS: `brew install livekit`; elsewhere put livekit-server on PATH, for ' +
  `example from the container image livekit/livekit-server:v${livekitVersion}), or install Go 1.25 or newer, then try again`;

type Environment = Readonly<Record<string, string | undefined>>;

type ObtainOptions = {
  /** Receives a line for each step, and another every few seconds while a step takes long. */
  progress: (line: string) => void;
  /** Default: `$XDG_CACHE_HOME`, else `~/.cache`, else a private folder in the temporary folder. */
  cacheDir?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Read here: PATH, HOME, XDG_CACHE_HOME and TMPDIR; passed on to Go. */
  env: Environment;
  /** The base URL of the release's files. */
  releaseUrl?: string;
  /** Searched after PATH: folders that installers use but PATH may lack. */
  usualFolders?: readonly string[];
};

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

const findProgram = async (name: string, folders: readonly string[]): Promise<string | null> => {
  for (const folder of folders) {
    const path = join(folder, name);
    if (folder !== '' && (await isExecutable(path)) && (await stat(path)).isFile()) return path;
  }
  return null;
};

const searchedFolders = ({ env, usualFolders }: ObtainOptions): string[] => [
  ...(env['PATH'] ?? env['Path'] ?? '').split(delimiter),
  ...(usualFolders ?? defaultUsualFolders),
];

const isWritable = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );

/** Creates the folder if needed; false if that fails or the folder is not writable. */
const isUsable = async (folder: string): Promise<boolean> => {
  try {
    await mkdir(folder, { recursive: true });
    return await isWritable(folder);
  } catch {
    return false;
  }
};

/** Another user could have planted a folder in the shared temporary folder: only one of our own is used. */
const privateTemporaryFolder = async (env: Environment): Promise<string> => {
  const user = process.getuid?.();
  const base = env['TMPDIR'] || tmpdir();
  const folder = join(base, `telephony-agent-${user ?? 'cache'}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  if (!found.isDirectory() || (user !== undefined && found.uid !== user))
    return mkdtemp(join(base, 'telephony-agent-'));
  await chmod(folder, 0o700);
  return folder;
};

/** The home folder if it is writable: that of a service account may not even exist. */
const homeOf = async (env: Environment): Promise<string | null> => {
  const home = env['HOME'] || env['USERPROFILE'];
  return home && (await isWritable(home)) ? home : null;
};

const chooseCacheFolder = async (env: Environment): Promise<string> => {
  const home = await homeOf(env);
  const bases = [env['XDG_CACHE_HOME'] || null, home === null ? null : join(home, '.cache')];
  for (const base of bases) {
    const folder = base === null ? null : join(base, 'telephony-agent');
    if (folder !== null && (await isUsable(folder))) return folder;
  }
  return privateTemporaryFolder(env);
};

/** @throws Error if the binary does not run on this machine */
const versionOf = async (binary: string): Promise<string> => {
  const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 15_000 });
  return stdout.trim().split(' ').at(-1) ?? '';
};

/** A process that stalled for too long has lost its lock: at worst, two obtain the same file. */
const ignoreLostLock = (): void => undefined;

/**
 * Takes the lock, or waits for it. Its owner touches the file while it works; a file not touched lately is stale (pids mean
 * nothing across containers). Two waiters may both take over a stale lock: that costs a second build, nothing else, since the
 * result is moved into place atomically.
 */
const takeLock = async (path: string, options: ObtainOptions): Promise<AsyncDisposable> => {
  for (let waits = 0; ; waits += 1) {
    options.signal?.throwIfAborted();
    const handle = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return null;
      throw error;
    });
    if (handle !== null) {
      await handle.close();
      break;
    }
    const touchedAt = await stat(path).then(
      (found) => found.mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - touchedAt > lockStaleMs) await rm(path, { force: true });
    else {
      if (waits % 20 === 0) options.progress('waiting for another process that is obtaining it');
      await sleep(500, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
  const touching = setInterval(() => void utimes(path, new Date(), new Date()).catch(ignoreLostLock), lockTouchMs);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(touching);
      await rm(path, { force: true });
    },
  };
};

type Installer = { name: string; run: (folder: string) => Promise<void> };

/** The installers available on this machine, in the order to try them. */
const findInstallers = async (cacheFolder: string, options: ObtainOptions): Promise<Installer[]> => {
  const { env, progress, signal } = options;
  const installers: Installer[] = [];
  const archive = archiveName(livekitVersion, process.platform, process.arch);
  const baseUrl = options.releaseUrl ?? releaseUrl(livekitVersion);
  if (archive !== null) {
    const run = (folder: string) => downloadRelease({ baseUrl, archive, folder, binaryName, progress, signal });
    installers.push({ name: 'the official release', run });
  }
  const go = await findProgram(`go${suffix}`, searchedFolders(options));
  if (go !== null) {
    const homeIsWritable = (await homeOf(env)) !== null;
    const common = { go, version: livekitVersion, binaryName, cacheFolder, homeIsWritable, env, progress, signal };
    installers.push({ name: 'a build with Go', run: (folder) => buildWithGo({ ...common, folder }) });
  }
  return installers;
};

const install = async (target: string, cacheFolder: string, options: ObtainOptions): Promise<void> => {
  const failures: string[] = [];
  for (const installer of await findInstallers(cacheFolder, options)) {
    const folder = await mkdtemp(join(cacheFolder, '.install-'));
    try {
      options.progress(`trying ${installer.name}`);
      await installer.run(folder);
      await versionOf(join(folder, binaryName));
      await mkdir(dirname(target), { recursive: true });
      await rename(join(folder, binaryName), target);
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push(`${installer.name}: ${describeError(error)}`);
      options.progress(`${installer.name} failed: ${describeError(error)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  throw new AppError(
    'local_mode',
    failures.length === 0 ? `${advice}.` : `${advice}. What failed: ${failures.join('; ')}.`,
  );
};

/**
 * Returns the path of a LiveKit server that runs on this machine. If several processes ask at once, one obtains it and the
 * others wait.
 * @throws AppError that says what to install if nothing works; the signal's reason if it aborts
 */
export const obtainLivekitServer = async (options: ObtainOptions): Promise<string> => {
  const labeled = { ...options, progress: (line: string) => options.progress(`LiveKit server: ${line}`) };
  const installed = await findProgram(binaryName, searchedFolders(options));
  if (installed !== null) {
    labeled.progress(`using ${installed}, version ${await versionOf(installed)}`);
    return installed;
  }
  const cacheFolder = options.cacheDir ?? (await chooseCacheFolder(options.env));
  await mkdir(cacheFolder, { recursive: true });
  const target = join(cacheFolder, `livekit-server-${livekitVersion}`, binaryName);
  if (!(await isExecutable(target))) {
    labeled.progress(`not on PATH or in ${cacheFolder}`);
    await using _lock = await takeLock(join(cacheFolder, `livekit-server-${livekitVersion}.lock`), labeled);
    if (!(await isExecutable(target))) await install(target, cacheFolder, labeled);
  }
  labeled.progress(`using ${target}`);
  return target;
};
