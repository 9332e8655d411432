/**
 * Where the LiveKit server of local mode comes from: on PATH; else cached; else the official release; else built with Go.
 * What was obtained is kept outside the checkout, for every checkout of this machine.
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
const lockBeatMs = 2_000;
const lockStaleMs = 15_000;

const advice =
  'No LiveKit server could be obtained: install one (macOS: `brew install livekit`; elsewhere put livekit-server on PATH, for ' +
  `example out of the container image livekit/livekit-server:v${livekitVersion}) or install Go 1.25 or newer, and run this again`;

type Environment = Readonly<Record<string, string | undefined>>;

export type ObtainOptions = {
  /** Told one line per step, and one every few seconds while a step lasts. */
  progress: (line: string) => void;
  /** Default: `$XDG_CACHE_HOME`, else `~/.cache`, else a private folder under the temporary one. */
  cacheDir?: string | undefined;
  signal?: AbortSignal | undefined;
  /** The process's own: PATH, HOME, XDG_CACHE_HOME, TMPDIR and what Go reads. */
  env: Environment;
  /** Where the release's files lie. */
  releaseUrl?: string;
  /** Looked through after PATH: installers put programs there although PATH may not name it. */
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

const searched = ({ env, usualFolders }: ObtainOptions): string[] => [
  ...(env['PATH'] ?? env['Path'] ?? '').split(delimiter),
  ...(usualFolders ?? defaultUsualFolders),
];

const isWritable = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );

/** Made where it is missing; false where that can't be, or it takes no files. */
const canBeUsed = async (folder: string): Promise<boolean> => {
  try {
    await mkdir(folder, { recursive: true });
    return await isWritable(folder);
  } catch {
    return false;
  }
};

/** A folder in the shared temporary folder could have been laid there by somebody else: only our own will do. */
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

/** The home, where it takes files: service accounts are given one that doesn't exist. */
const homeOf = async (env: Environment): Promise<string | null> => {
  const home = env['HOME'] || env['USERPROFILE'];
  return home && (await isWritable(home)) ? home : null;
};

const chooseCacheFolder = async (env: Environment): Promise<string> => {
  const home = await homeOf(env);
  const bases = [env['XDG_CACHE_HOME'] || null, home === null ? null : join(home, '.cache')];
  for (const base of bases) {
    const folder = base === null ? null : join(base, 'telephony-agent');
    if (folder !== null && (await canBeUsed(folder))) return folder;
  }
  return privateTemporaryFolder(env);
};

/** The version a binary tells of itself; throws where it doesn't run on this machine. */
const versionOf = async (binary: string): Promise<string> => {
  const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 15_000 });
  return stdout.trim().split(' ').at(-1) ?? '';
};

/** Who stands still for longer than a lock lives loses it: at worst two obtain the same file. */
const lockWasTaken = (): void => undefined;

/**
 * Takes the lock or waits for it. The holder touches it while it works, so a lock that nobody touches belongs to nobody (pids
 * mean nothing across containers). Two waiters may both take over a dead one: that costs a second build, nothing else, since
 * the result is moved into place in one step.
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
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(lockWasTaken), lockBeatMs);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(beat);
      await rm(path, { force: true });
    },
  };
};

type Way = { name: string; run: (folder: string) => Promise<void> };

/** The ways there are on this machine, in the order to try them. */
const waysToInstall = async (cacheFolder: string, options: ObtainOptions): Promise<Way[]> => {
  const { env, progress, signal } = options;
  const ways: Way[] = [];
  const archive = archiveName(livekitVersion, process.platform, process.arch);
  const baseUrl = options.releaseUrl ?? releaseUrl(livekitVersion);
  if (archive !== null) {
    const run = (folder: string) => downloadRelease({ baseUrl, archive, folder, binaryName, progress, signal });
    ways.push({ name: 'the official release', run });
  }
  const go = await findProgram(`go${suffix}`, searched(options));
  if (go !== null) {
    const homeIsWritable = (await homeOf(env)) !== null;
    const common = { go, version: livekitVersion, binaryName, cacheFolder, homeIsWritable, env, progress, signal };
    ways.push({ name: 'a build with Go', run: (folder) => buildWithGo({ ...common, folder }) });
  }
  return ways;
};

const install = async (target: string, cacheFolder: string, options: ObtainOptions): Promise<void> => {
  const failures: string[] = [];
  for (const way of await waysToInstall(cacheFolder, options)) {
    const folder = await mkdtemp(join(cacheFolder, '.install-'));
    try {
      options.progress(`trying ${way.name}`);
      await way.run(folder);
      await versionOf(join(folder, binaryName));
      await mkdir(dirname(target), { recursive: true });
      await rename(join(folder, binaryName), target);
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push(`${way.name}: ${describeError(error)}`);
      options.progress(`${way.name} failed: ${describeError(error)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  throw new AppError('local_mode', failures.length === 0 ? `${advice}.` : `${advice} (${failures.join('; ')}).`);
};

/**
 * The path of a LiveKit server that runs on this machine. Several processes may ask at once: one obtains it, the others wait.
 * Throws an AppError whose one sentence says what to install where nothing works, and the signal's reason when that aborts.
 */
export const obtainLivekitServer = async (options: ObtainOptions): Promise<string> => {
  const say = { ...options, progress: (line: string) => options.progress(`LiveKit server: ${line}`) };
  const installed = await findProgram(binaryName, searched(options));
  if (installed !== null) {
    say.progress(`${installed}, version ${await versionOf(installed)}`);
    return installed;
  }
  const cacheFolder = options.cacheDir ?? (await chooseCacheFolder(options.env));
  await mkdir(cacheFolder, { recursive: true });
  const target = join(cacheFolder, `livekit-server-${livekitVersion}`, binaryName);
  if (!(await isExecutable(target))) {
    say.progress(`neither on PATH nor in ${cacheFolder}`);
    await using _lock = await takeLock(join(cacheFolder, `livekit-server-${livekitVersion}.lock`), say);
    if (!(await isExecutable(target))) await install(target, cacheFolder, say);
  }
  say.progress(target);
  return target;
};
