import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openShelf } from '#src/speech-cache/speech-cache.ts';

const day = 86_400_000;
const pcm = Buffer.alloc(4_800, 1);

const openFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'shelf-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'voices'); // which is still to be made
};

test('what is put there is found again, also by the next process', async () => {
  const folder = await openFolder();
  const shelf = openShelf(folder);
  await shelf.look(new Date());
  expect(shelf.pathOf('greeting')).toBeNull();
  await shelf.put('greeting', pcm, new Date());
  const path = shelf.pathOf('greeting') ?? '';
  expect(isAbsolute(path)).toBe(true);
  expect(await readFile(path)).toEqual(pcm);
  const next = openShelf(folder);
  await next.look(new Date());
  expect(next.pathOf('greeting')).toBe(path);
  expect(next.pathOf('goodbye')).toBeNull();
});

test('what somebody removed is not there, what another process made is', async () => {
  const folder = await openFolder();
  const [ours, theirs] = [openShelf(folder), openShelf(folder)];
  await ours.put('one', pcm, new Date());
  await theirs.put('two', pcm, new Date());
  await rm(ours.pathOf('one') ?? '');
  await ours.look(new Date());
  expect(ours.pathOf('one')).toBeNull();
  expect(ours.pathOf('two')).toBe(theirs.pathOf('two'));
});

test('half a file is never taken for a whole one', async () => {
  const folder = await openFolder();
  const shelf = openShelf(folder);
  await shelf.put('whole', pcm, new Date());
  const name = (await readdir(folder))[0] ?? '';
  await writeFile(join(folder, name), Buffer.alloc(0)); // as a power cut leaves it
  await writeFile(join(folder, `${name}.1.tmp`), 'left by a crash');
  await writeFile(join(folder, 'note.txt'), 'not ours');
  const next = openShelf(folder);
  await next.look(new Date());
  expect(next.pathOf('whole')).toBeNull();
  expect(await readdir(folder)).toHaveLength(3); // somebody may be writing
  await openShelf(folder).look(new Date(Date.now() + 2 * 3_600_000));
  expect(await readdir(folder)).toEqual(['note.txt']);
});

test('a disk that refuses leaves nothing behind', async () => {
  const folder = await openFolder();
  await writeFile(folder, 'a file, where the folder should be');
  const shelf = openShelf(folder);
  await expect(shelf.put('one', pcm, new Date())).rejects.toThrow(/EEXIST|ENOTDIR/);
  expect(shelf.pathOf('one')).toBeNull();
});

test('what is used stays, what is not used for 30 days goes', async () => {
  const folder = await openFolder();
  const start = Date.now();
  const shelf = openShelf(folder);
  await shelf.put('used', pcm, new Date(start));
  await shelf.put('unused', pcm, new Date(start));
  for (const name of await readdir(folder)) await utimes(join(folder, name), start / 1000, start / 1000);
  await shelf.touch('used', new Date(start + 20 * day));
  const next = openShelf(folder); // a restart knows what was used
  await next.look(new Date(start + 31 * day));
  expect(await next.sweep(30 * day, new Date(start + 31 * day))).toBe(1);
  expect(next.pathOf('unused')).toBeNull();
  expect(await readdir(folder)).toHaveLength(1);
  expect(next.pathOf('used')).not.toBeNull();
});
