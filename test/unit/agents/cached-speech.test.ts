import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openCachedSpeech } from '#agents/telephony/speech/cached-speech.ts';

const fileOf = async (bytes: Buffer): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'cached-speech-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'speech.pcm'), bytes);
  return join(folder, 'speech.pcm');
};

const samples = Int16Array.from({ length: 24_000 + 100 }, (_, at) => at % 30_000);

test('cached speech is returned in frames of 40 ms, any number of times', async () => {
  const path = await fileOf(Buffer.from(samples.buffer));
  const failures: string[] = [];
  const cachedSpeech = openCachedSpeech({ 'Hello.': path }, (detail) => failures.push(detail));
  for (const _ of [1, 2]) {
    const stream = await cachedSpeech.framesOf('Hello.');
    const frames = await Array.fromAsync(stream ?? []);
    expect(
      frames
        .slice(0, -1)
        .every(({ samplesPerChannel, sampleRate }) => samplesPerChannel === 960 && sampleRate === 24_000),
    ).toBe(true);
    expect(frames.flatMap(({ data }) => [...data])).toEqual([...samples]);
  }
  expect(await cachedSpeech.framesOf('Hello!')).toBeNull();
  expect(failures).toEqual([]);
});

test('texts that sound the same share their speech', async () => {
  const cachedSpeech = openCachedSpeech({ "I'm sorry,": await fileOf(Buffer.from(samples.buffer)) }, () => {});
  expect(await cachedSpeech.pcmOf('I am sorry,')).not.toBeNull();
  expect(await cachedSpeech.pcmOf(' I’m sorry,')).not.toBeNull();
  expect(await cachedSpeech.pcmOf('I am sorry.')).toBeNull();
});

test.each([
  ['missing', async () => '/nowhere/speech.pcm', /ENOENT/],
  ['empty', () => fileOf(Buffer.alloc(0)), /broken/],
  ['cut off', () => fileOf(Buffer.alloc(3)), /broken/],
])('a file that is %s is reported once, and its text counts as not cached', async (_, makeFile, failure) => {
  const failures: string[] = [];
  const cachedSpeech = openCachedSpeech({ 'Hello.': await makeFile() }, (detail) => failures.push(detail));
  expect(await cachedSpeech.framesOf('Hello.')).toBeNull();
  expect(await cachedSpeech.framesOf('Hello.')).toBeNull();
  expect(failures).toEqual([expect.stringMatching(failure)]);
});
