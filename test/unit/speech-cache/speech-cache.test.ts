import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSpeechCache } from '#src/speech-cache/speech-cache.ts';

const day = 86_400_000;
const pcm = Buffer.alloc(4_800, 1);

const openFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'speech-cache-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'voices'); // doesn't exist yet
};

test('what was put is found again, by the next process too', async () => {
  const folder = await openFolder();
  const cache = openSpeechCache(folder);
  await cache.scan(new Date());
  expect(cache.pathOf('greeting')).toBeNull();
  await cache.put('greeting', pcm, new Date());
  const path = cache.pathOf('greeting') ?? '';
  expect(isAbsolute(path)).toBe(true);
  expect(await readFile(path)).toEqual(pcm);
  const next = openSpeechCache(folder);
  await next.scan(new Date());
  expect(next.pathOf('greeting')).toBe(path);
  expect(next.pathOf('goodbye')).toBeNull();
});

test('a scan drops deleted files and finds those of another process', async () => {
  const folder = await openFolder();
  const [ours, theirs] = [openSpeechCache(folder), openSpeechCache(folder)];
  await ours.put('one', pcm, new Date());
  await theirs.put('two', pcm, new Date());
  await rm(ours.pathOf('one') ?? '');
  await ours.scan(new Date());
  expect(ours.pathOf('one')).toBeNull();
  expect(ours.pathOf('two')).toBe(theirs.pathOf('two'));
});

test('an incomplete file is never used', async () => {
  const folder = await openFolder();
  const cache = openSpeechCache(folder);
  await cache.put('whole', pcm, new Date());
  const name = (await readdir(folder))[0] ?? '';
  await writeFile(join(folder, name), Buffer.alloc(0)); // as after a power cut
  await writeFile(join(folder, `${name}.1.tmp`), 'left by a crash');
  await writeFile(join(folder, 'note.txt'), 'not ours');
  const next = openSpeechCache(folder);
  await next.scan(new Date());
  expect(next.pathOf('whole')).toBeNull();
  expect(await readdir(folder)).toHaveLength(3); // another process may still be writing
  await openSpeechCache(folder).scan(new Date(Date.now() + 2 * 3_600_000));
  expect(await readdir(folder)).toEqual(['note.txt']);
});

test('a failed write leaves nothing behind', async () => {
  const folder = await openFolder();
  await writeFile(folder, 'a file in place of the folder');
  const cache = openSpeechCache(folder);
  await expect(cache.put('one', pcm, new Date())).rejects.toThrow(/EEXIST|ENOTDIR/);
  expect(cache.pathOf('one')).toBeNull();
});

test('speech that is in use is kept, speech unused for 30 days is deleted', async () => {
  const folder = await openFolder();
  const start = Date.now();
  const cache = openSpeechCache(folder);
  await cache.put('used', pcm, new Date(start));
  await cache.put('unused', pcm, new Date(start));
  for (const name of await readdir(folder)) await utimes(join(folder, name), start / 1000, start / 1000);
  await cache.touch('used', new Date(start + 20 * day));
  const next = openSpeechCache(folder); // after a restart
  await next.scan(new Date(start + 31 * day));
  expect(await next.sweep(30 * day, new Date(start + 31 * day))).toBe(1);
  expect(next.pathOf('unused')).toBeNull();
  expect(await readdir(folder)).toHaveLength(1);
  expect(next.pathOf('used')).not.toBeNull();
});
