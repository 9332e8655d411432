import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { AccessToken, RoomServiceClient, WebhookReceiver } from 'livekit-server-sdk';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { archiveName, readFromTar } from '#src/local/livekit/download.ts';
import { livekitVersion, obtainLivekitServer, startLivekitServer } from '#src/local/livekit/server.ts';

const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'livekit-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** What stands in for the server where only its way to us is tested. */
const standIn = `#!/bin/sh\necho "livekit-server version ${livekitVersion}"\n`;

const tarOf = (files: Record<string, string>): Buffer =>
  Buffer.concat([
    ...Object.entries(files).map(([name, text]) => {
      const entry = Buffer.alloc(512 + Math.ceil(text.length / 512) * 512);
      entry.write(name, 0);
      entry.write(text.length.toString(8).padStart(11, '0'), 124);
      entry.write(text, 512);
      return entry;
    }),
    Buffer.alloc(1024),
  ]);

/** A release on loopback, as GitHub serves it; counts how often its archive was taken. */
const serveRelease = async (options: { wrongSum?: boolean; silent?: boolean } = {}) => {
  const archive = archiveName(livekitVersion, process.platform, process.arch) ?? '';
  const bytes = gzipSync(tarOf({ LICENSE: 'text', 'livekit-server': standIn }));
  const sum = createHash('sha256')
    .update(options.wrongSum ? 'other' : bytes)
    .digest('hex');
  let downloads = 0;
  const server = createServer((request, response) => {
    if (options.silent) return;
    const sums = `${'0'.repeat(64)}  other.tar.gz\n${sum}  ${archive}\n`;
    if (request.url === '/checksums.txt') response.end(sums);
    else setTimeout(() => response.end(bytes, () => (downloads += 1)), 300);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { releaseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, downloads: () => downloads };
};

/** Options that collect progress lines and hide what is installed on this machine. */
const lines = () => {
  const said: string[] = [];
  return { said, progress: (line: string) => void said.push(line), usualFolders: [] };
};

let binary: string;
// Where none is installed or cached it may have to be built first.
beforeAll(async () => {
  binary = await obtainLivekitServer({ env: process.env, progress: () => {} });
}, 300_000);

test('a server on PATH comes first, and is named', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'livekit-server'), standIn, { mode: 0o755 });
  const { said, ...hidden } = lines();
  expect(await obtainLivekitServer({ ...hidden, env: { PATH: `/nowhere:${folder}` } })).toBe(
    join(folder, 'livekit-server'),
  );
  expect(said.join()).toContain(`version ${livekitVersion}`);
});

test('the release is downloaded once, verified, and cached under XDG_CACHE_HOME', async () => {
  const cache = await temporaryFolder();
  const release = await serveRelease();
  const ask = () =>
    obtainLivekitServer({ ...lines(), env: { PATH: '', XDG_CACHE_HOME: cache }, releaseUrl: release.releaseUrl });
  const path = await ask();
  expect(path).toBe(join(cache, 'telephony-agent', `livekit-server-${livekitVersion}`, 'livekit-server'));
  expect(await readFile(path, 'utf8')).toBe(standIn);
  expect(await ask()).toBe(path);
  expect(release.downloads()).toBe(1);
});

test('of several processes at once, one downloads and the others wait', async () => {
  const cacheDir = await temporaryFolder();
  const release = await serveRelease();
  const { said, ...hidden } = lines();
  const ask = () => obtainLivekitServer({ ...hidden, cacheDir, env: { PATH: '' }, releaseUrl: release.releaseUrl });
  const paths = await Promise.all([ask(), ask(), ask()]);
  expect(new Set(paths).size).toBe(1);
  expect(release.downloads()).toBe(1);
  expect(said.join('\n')).toContain('waiting for another process');
  expect(await readdir(cacheDir)).toEqual([`livekit-server-${livekitVersion}`]);
});

test('a stale lock is taken over', async () => {
  const cacheDir = await temporaryFolder();
  const release = await serveRelease();
  const lock = join(cacheDir, `livekit-server-${livekitVersion}.lock`);
  await writeFile(lock, '');
  await utimes(lock, new Date(0), new Date(0));
  await obtainLivekitServer({ ...lines(), cacheDir, env: { PATH: '' }, releaseUrl: release.releaseUrl });
});

test('without a writable home the cache is a private folder in the temporary folder', async () => {
  const folder = await temporaryFolder();
  const release = await serveRelease();
  const env = { PATH: '', HOME: join(folder, 'nowhere'), TMPDIR: folder };
  const path = await obtainLivekitServer({ ...lines(), env, releaseUrl: release.releaseUrl });
  expect(path.startsWith(join(folder, 'telephony-agent-'))).toBe(true);
  expect((await stat(join(path, '../..'))).mode & 0o777).toBe(0o700);
  expect(await readdir(folder)).toHaveLength(1);
});

/** A Go that fails at once stands first on PATH, so that no test builds for minutes. */
const failingGo = async (): Promise<string> => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'go'), '#!/bin/sh\necho "GOBIN=$GOBIN CGO=$CGO_ENABLED HOME=$HOME" >&2; exit 1\n', {
    mode: 0o755,
  });
  return folder;
};

test('a release with a wrong checksum is rejected; if nothing works, the error says what to install', async () => {
  const cacheDir = await temporaryFolder();
  const release = await serveRelease({ wrongSum: true });
  const { said, ...hidden } = lines();
  const env = { PATH: await failingGo(), HOME: cacheDir };
  const asked = obtainLivekitServer({ ...hidden, cacheDir, env, releaseUrl: release.releaseUrl });
  await expect(asked).rejects.toThrow(
    /brew install livekit.*container image.*install Go .*checksum.*go install failed.*CGO=0/s,
  );
  expect(said.some((line) => line.includes('official release failed'))).toBe(true);
  expect(await readdir(cacheDir)).toEqual([]);
});

test('an unreachable release is given up within seconds, and aborting is immediate', async () => {
  const cacheDir = await temporaryFolder();
  const release = await serveRelease({ silent: true });
  const env = { PATH: await failingGo() };
  const startedAt = Date.now();
  await expect(obtainLivekitServer({ ...lines(), cacheDir, env, releaseUrl: release.releaseUrl })).rejects.toThrow(
    'timeout',
  );
  expect(Date.now() - startedAt).toBeLessThan(7_000);
  const signal = AbortSignal.timeout(200);
  const abortedAt = Date.now();
  await expect(
    obtainLivekitServer({ ...lines(), cacheDir, env, releaseUrl: release.releaseUrl, signal }),
  ).rejects.toThrow('aborted due to timeout');
  expect(Date.now() - abortedAt).toBeLessThan(1_000);
}, 15_000);

test('an aborted build leaves no process and no folder', async () => {
  const folder = await temporaryFolder();
  const cacheDir = join(folder, 'cache');
  await mkdir(cacheDir);
  await writeFile(join(folder, 'go'), `#!/bin/sh\nsleep 60 & echo $! > ${folder}/pid; wait\n`);
  await chmod(join(folder, 'go'), 0o755);
  const release = await serveRelease({ wrongSum: true });
  const signal = AbortSignal.timeout(1_500);
  const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: folder };
  await expect(
    obtainLivekitServer({ ...lines(), cacheDir, env, signal, releaseUrl: release.releaseUrl }),
  ).rejects.toThrow('aborted due to timeout');
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
  await expect.poll(() => isRunning(pid)).toBe(false);
  expect(await readdir(cacheDir)).toEqual([]);
});

test('archives are named by platform; macOS has none', () => {
  expect(archiveName('1.11.0', 'linux', 'arm64')).toBe('livekit_1.11.0_linux_arm64.tar.gz');
  expect(archiveName('1.11.0', 'win32', 'x64')).toBe('livekit_1.11.0_windows_amd64.zip');
  expect(archiveName('1.11.0', 'darwin', 'arm64')).toBeNull();
  expect(archiveName('1.11.0', 'linux', 'ia32')).toBeNull();
  expect(() => readFromTar(tarOf({ LICENSE: 'x' }), 'livekit-server')).toThrow('does not contain livekit-server');
});

/** A zombie counts as ended: in a container whose first process doesn't reap, it stays. */
const isRunning = async (pid: number): Promise<boolean> => {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return status !== null && !status.includes(') Z ');
};

/** What a process listens on, as `tcp 127.0.0.1:7880`: its sockets of those that the kernel lists (proc_net(5)). */
const listeners = async (pid: number): Promise<string[]> => {
  const inodes = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    inodes.add(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? '');
  }
  const found: string[] = [];
  for (const protocol of ['tcp', 'tcp6', 'udp', 'udp6']) {
    const rows = (await readFile(`/proc/net/${protocol}`, 'utf8')).trim().split('\n').slice(1);
    for (const row of rows) {
      const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
      // 0A: listening; 07: a UDP socket without a peer.
      if (inodes.has(inode) && (state === '0A' || state === '07')) found.push(`${protocol} ${readAddress(local)}`);
    }
  }
  return found;
};

const readAddress = (local: string): string => {
  const [address = '', port = ''] = local.split(':');
  const bytes = address.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
  const host = bytes.length === 4 ? bytes.toReversed().join('.') : address;
  return `${host}:${Number.parseInt(port, 16)}`;
};

test('a server accepts only its own keys, listens only on loopback, and stops when disposed', async () => {
  let pid = 0;
  {
    await using server = await startLivekitServer({ binary });
    pid = server.pid;
    expect(server.apiSecret.length).toBeGreaterThanOrEqual(32);
    const rooms = new RoomServiceClient(server.httpUrl, server.apiKey, server.apiSecret);
    await rooms.createRoom({ name: 'r1' });
    expect((await rooms.listRooms()).map((room) => room.name)).toEqual(['r1']);
    await expect(new RoomServiceClient(server.httpUrl, 'devkey', 'secret').listRooms()).rejects.toThrow();
    const listening = await listeners(pid);
    expect(listening).toContain(`tcp 127.0.0.1:${server.port}`);
    expect(listening.some((socket) => socket.startsWith('udp 127.0.0.1:'))).toBe(true);
    expect(listening.filter((socket) => !/^(tcp|udp) 127\.0\.0\.1:/.test(socket))).toEqual([]);
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(server.apiSecret);
  }
  expect(await isRunning(pid)).toBe(false);
});

test('it stops fast with a participant in a room, and reports its exit', async () => {
  const server = await startLivekitServer({ binary, keys: { key: 'k1', secret: 's'.repeat(32) } });
  const token = new AccessToken(server.apiKey, server.apiSecret, { identity: 'participant' });
  token.addGrant({ roomJoin: true, room: 'r1' });
  const socket = new WebSocket(`${server.url}/rtc?access_token=${await token.toJwt()}`);
  await once(socket, 'message');
  const startedAt = Date.now();
  await server[Symbol.asyncDispose]();
  expect(Date.now() - startedAt).toBeLessThan(3_000);
  expect(await server.exited).toMatchObject({ signal: null });
  expect(await isRunning(server.pid)).toBe(false);
});

test('its webhooks are signed with its key', async () => {
  const bodies: { body: string; proof: string }[] = [];
  const hook = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      bodies.push({ body, proof: request.headers.authorization ?? '' });
      response.end();
    });
  });
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  onTestFinished(() => void hook.close());
  const webhookUrl = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/events`;
  await using server = await startLivekitServer({ binary, webhookUrl });
  await new RoomServiceClient(server.httpUrl, server.apiKey, server.apiSecret).createRoom({ name: 'r1' });
  await expect.poll(() => bodies.length, { timeout: 5_000 }).toBeGreaterThan(0);
  const event = await new WebhookReceiver(server.apiKey, server.apiSecret).receive(
    bodies[0]?.body ?? '',
    bodies[0]?.proof,
  );
  expect(event).toMatchObject({ event: 'room_started', room: { name: 'r1' } });
});

test('a server that exits by itself reports it; one that cannot start says why', async () => {
  await using server = await startLivekitServer({ binary });
  process.kill(server.pid, 'SIGKILL');
  expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await expect(startLivekitServer({ binary, redisUrl: 'redis://127.0.0.1:1' })).rejects.toThrow(
    /did not start: .*redis/,
  );
  await expect(startLivekitServer({ binary: '/nowhere/livekit-server' })).rejects.toThrow('did not start');
});

test('a process that dies of an exception stops its server', async () => {
  const module = import.meta.resolve('#src/local/livekit/server.ts');
  const source = `const { startLivekitServer } = await import(${JSON.stringify(module)});
    const server = await startLivekitServer({ binary: ${JSON.stringify(binary)} });
    console.log(server.pid); throw new Error('as planned');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'ignore'] });
  const pid = Number(await text(child.stdout));
  expect(pid).toBeGreaterThan(0);
  await expect.poll(() => isRunning(pid)).toBe(false);
});
