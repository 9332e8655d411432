/** LiveKit's server built from its source with the Go that is installed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';

const progressEveryMs = 5_000;

type Environment = Readonly<Record<string, string | undefined>>;

export type BuildOptions = {
  go: string;
  version: string;
  /** An empty folder on the disk where the result will stay. */
  folder: string;
  binaryName: string;
  cacheFolder: string;
  homeIsWritable: boolean;
  env: Environment;
  progress: (line: string) => void;
  signal?: AbortSignal | undefined;
};

/** Go starts compilers of its own: the whole group has to go. */
const killGroup = (child: ChildProcess): void => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  if (process.platform === 'win32') child.kill();
  else process.kill(-child.pid, 'SIGKILL');
};

/** Go's own folders where the home takes files, else folders inside our cache. No C compiler is asked for. */
const buildEnvironment = (options: BuildOptions): Environment => {
  const { env, cacheFolder } = options;
  const inCache = { HOME: cacheFolder, GOPATH: join(cacheFolder, 'go'), GOCACHE: join(cacheFolder, 'go-build') };
  return {
    ...env,
    GOTOOLCHAIN: env['GOTOOLCHAIN'] ?? 'auto',
    GOFLAGS: '-modcacherw',
    GOWORK: 'off',
    GOBIN: options.folder,
    CGO_ENABLED: '0',
    ...(options.homeIsWritable ? {} : inCache),
  };
};

/**
 * `go install` of the server into `folder` under `binaryName`, with a progress line every few seconds (it takes one to four
 * minutes). Throws the end of what Go said when it failed, and the signal's reason when that aborts.
 */
export const buildWithGo = async (options: BuildOptions): Promise<void> => {
  const { folder, signal, progress } = options;
  const startedAt = Date.now();
  progress(`building version ${options.version} with ${options.go} (once, one to four minutes)`);
  const child = spawn(options.go, ['install', `github.com/livekit/livekit-server/cmd/server@v${options.version}`], {
    cwd: folder,
    env: buildEnvironment(options),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: process.platform !== 'win32',
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-2_000)));
  const kill = () => killGroup(child);
  process.once('exit', kill);
  signal?.addEventListener('abort', kill);
  const timer = setInterval(() => {
    progress(`building for ${Math.round((Date.now() - startedAt) / 1000)} s`);
  }, progressEveryMs);
  try {
    if (signal?.aborted) kill();
    const [code] = (await once(child, 'close')) as [number | null];
    signal?.throwIfAborted();
    if (code !== 0) throw new Error(`go install failed: ${said.trim().split('\n').slice(-3).join(' | ')}`);
  } finally {
    clearInterval(timer);
    process.off('exit', kill);
    signal?.removeEventListener('abort', kill);
  }
  const built = join(folder, process.platform === 'win32' ? 'server.exe' : 'server');
  await rename(built, join(folder, options.binaryName));
  progress(`built in ${Math.round((Date.now() - startedAt) / 1000)} s`);
};
