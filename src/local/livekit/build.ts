/** Builds the LiveKit server from source with the installed Go. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';

const progressEveryMs = 5_000;

type Environment = Readonly<Record<string, string | undefined>>;

type BuildOptions = {
  go: string;
  version: string;
  /** An empty folder on the file system where the binary will stay. */
  folder: string;
  binaryName: string;
  cacheFolder: string;
  homeIsWritable: boolean;
  env: Environment;
  progress: (line: string) => void;
  signal?: AbortSignal | undefined;
};

/** Go starts compiler processes: the whole group must be killed. */
const killGroup = (child: ChildProcess): void => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  if (process.platform === 'win32') child.kill();
  else process.kill(-child.pid, 'SIGKILL');
};

/** Go uses its usual folders if the home is writable, else folders in our cache. No C compiler is needed. */
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
 * Runs `go install` for the server into `folder`, as `binaryName`; takes one to four minutes and reports progress.
 * @throws Error with the end of Go's output if it fails; the signal's reason if it aborts
 */
export const buildWithGo = async (options: BuildOptions): Promise<void> => {
  const { folder, signal, progress } = options;
  const startedAt = Date.now();
  progress(`building version ${options.version} with ${options.go} (only once; takes one to four minutes)`);
  const child = spawn(options.go, ['install', `github.com/livekit/livekit-server/cmd/server@v${options.version}`], {
    cwd: folder,
    env: buildEnvironment(options),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: process.platform !== 'win32',
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-2_000)));
  const kill = () => killGroup(child);
  process.once('exit', kill);
  signal?.addEventListener('abort', kill);
  const timer = setInterval(() => {
    progress(`still building after ${Math.round((Date.now() - startedAt) / 1000)} s`);
  }, progressEveryMs);
  try {
    if (signal?.aborted) kill();
    const [code] = (await once(child, 'close')) as [number | null];
    signal?.throwIfAborted();
    if (code !== 0) throw new Error(`go install failed: ${output.trim().split('\n').slice(-3).join(' | ')}`);
  } finally {
    clearInterval(timer);
    process.off('exit', kill);
    signal?.removeEventListener('abort', kill);
  }
  const built = join(folder, process.platform === 'win32' ? 'server.exe' : 'server');
  await rename(built, join(folder, options.binaryName));
  progress(`built in ${Math.round((Date.now() - startedAt) / 1000)} s`);
};
