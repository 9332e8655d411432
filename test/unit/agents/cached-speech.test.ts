import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openCachedSpeech } from '#agents/telephony/speech/cached-speech.ts';

const fileOf = async (bytes: Buffer): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'prepared-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'speech.pcm'), bytes);
  return join(folder, 'speech.pcm');
};

const samples = Int16Array.from({ length: 24_000 + 100 }, (_, at) => at % 30_000);

test('a prepared text has its sound, in small frames, as often as it is said', async () => {
  const path = await fileOf(Buffer.from(samples.buffer));
  const troubles: string[] = [];
  const prepared = openCachedSpeech({ 'Hello.': path }, (detail) => troubles.push(detail));
  for (const _ of [1, 2]) {
    const sound = await prepared.soundOf('Hello.');
    const frames = await Array.fromAsync(sound ?? []);
    expect(
      frames
        .slice(0, -1)
        .every(({ samplesPerChannel, sampleRate }) => samplesPerChannel === 960 && sampleRate === 24_000),
    ).toBe(true);
    expect(frames.flatMap(({ data }) => [...data])).toEqual([...samples]);
  }
  expect(await prepared.soundOf('Hello!')).toBeNull();
  expect(troubles).toEqual([]);
});

test('a text that sounds like it is it', async () => {
  const prepared = openCachedSpeech({ "I'm sorry,": await fileOf(Buffer.from(samples.buffer)) }, () => {});
  expect(await prepared.pcmOf('I am sorry,')).not.toBeNull();
  expect(await prepared.pcmOf(' I’m sorry,')).not.toBeNull();
  expect(await prepared.pcmOf('I am sorry.')).toBeNull();
});

test.each([
  ['missing', async () => '/nowhere/speech.pcm', /ENOENT/],
  ['empty', () => fileOf(Buffer.alloc(0)), /broken/],
  ['cut off', () => fileOf(Buffer.alloc(3)), /broken/],
])('a file that is %s is told, and leaves the text to the voice', async (_, makeFile, told) => {
  const troubles: string[] = [];
  const prepared = openCachedSpeech({ 'Hello.': await makeFile() }, (detail) => troubles.push(detail));
  expect(await prepared.soundOf('Hello.')).toBeNull();
  expect(await prepared.soundOf('Hello.')).toBeNull();
  expect(troubles).toEqual([expect.stringMatching(told)]);
});
