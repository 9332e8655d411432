/** Downloads, verifies and unpacks the official release of the LiveKit server. Needs nothing but Node. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

/** The base URL of a release's files. */
export const releaseUrl = (version: string): string =>
  `https://github.com/livekit/livekit/releases/download/v${version}`;

/** Applies to the small checksum file, which is requested first: it tells whether the release can be reached. */
const reachMs = 5_000;
const downloadMs = 180_000;

/** The release's archive for a platform; null if LiveKit publishes none (macOS). */
export const archiveName = (version: string, platform: NodeJS.Platform, arch: string): string | null => {
  const cpu = ({ x64: 'amd64', arm64: 'arm64' } as Record<string, string>)[arch];
  if (cpu === undefined) return null;
  if (platform === 'linux') return `livekit_${version}_linux_${cpu}.tar.gz`;
  return platform === 'win32' ? `livekit_${version}_windows_${cpu}.zip` : null;
};

const fetchBytes = async (url: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<Buffer> => {
  const timeout = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
  if (!response.ok) throw new Error(`${url} responded with ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
};

const octal = (field: Buffer): number => parseInt(field.toString('latin1').replaceAll('\0', '').trim() || '0', 8);

/** The contents of the file with this base name in an uncompressed tar. @throws Error if there is none */
export const readFromTar = (tar: Buffer, name: string): Buffer => {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const entry = tar.toString('latin1', at, at + 100).split('\0')[0] ?? '';
    const size = octal(tar.subarray(at + 124, at + 136));
    const start = at + 512;
    if (entry.split('/').at(-1) === name) return tar.subarray(start, start + size);
    at = start + Math.ceil(size / 512) * 512;
  }
  throw new Error(`the archive does not contain ${name}`);
};

/** Uses the tar of Windows, which reads zip files. Only Windows releases are zipped. */
const unzip = async (zip: Buffer, folder: string, name: string): Promise<void> => {
  const archive = join(folder, 'release.zip');
  await writeFile(archive, zip);
  await promisify(execFile)('tar', ['-xf', archive, '-C', folder, name]);
  await rm(archive);
};

/**
 * Puts the release's server into `folder`, as `binaryName`. The checksum comes from the release itself, over TLS: it detects a
 * broken download, not a tampered release.
 * @throws Error if any step fails; within 5 s if the release can't be reached
 */
export const downloadRelease = async (options: {
  baseUrl: string;
  archive: string;
  folder: string;
  binaryName: string;
  progress: (line: string) => void;
  signal?: AbortSignal | undefined;
}): Promise<void> => {
  const { baseUrl, archive, folder, binaryName, signal } = options;
  const sums = (await fetchBytes(`${baseUrl}/checksums.txt`, reachMs, signal)).toString('utf8');
  const expected = sums
    .split('\n')
    .find((line) => line.trim().endsWith(` ${archive}`))
    ?.split(' ')[0];
  if (expected === undefined) throw new Error(`the release has no checksum for ${archive}`);
  options.progress(`downloading ${baseUrl}/${archive}`);
  const bytes = await fetchBytes(`${baseUrl}/${archive}`, downloadMs, signal);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== expected) throw new Error(`the checksum of ${archive} is ${actual}, expected ${expected}`);
  if (archive.endsWith('.zip')) return unzip(bytes, folder, binaryName);
  await writeFile(join(folder, binaryName), readFromTar(gunzipSync(bytes), binaryName));
  await chmod(join(folder, binaryName), 0o755);
};
