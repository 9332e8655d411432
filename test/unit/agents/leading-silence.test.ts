import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leadingSilenceOf, withoutLeadingSilence } from '#agents/telephony/audio/leading-silence.ts';

const perMs = 24;
const silence = (ms: number): Buffer => Buffer.alloc(ms * perMs * 2);
const tone = (ms: number): Buffer =>
  Buffer.from(Int16Array.from({ length: ms * perMs }, (_, at) => 8_000 * Math.sin(at / 10)).buffer);

const through = async (pcm: Buffer, chunkBytes: number): Promise<Buffer> => {
  async function* chunks() {
    for (let at = 0; at < pcm.length; at += chunkBytes) {
      await Promise.resolve();
      yield pcm.subarray(at, at + chunkBytes);
    }
  }
  const kept: Uint8Array[] = [];
  for await (const chunk of withoutLeadingSilence(chunks())) kept.push(chunk);
  return Buffer.concat(kept);
};

test('10 ms of the leading silence are kept', () => {
  expect(leadingSilenceOf(Buffer.concat([silence(200), tone(50)]))).toBe(190 * perMs * 2);
  expect(leadingSilenceOf(tone(50))).toBe(0);
  expect(leadingSilenceOf(silence(500))).toBeNull();
});

test('the speech itself stays complete, whatever the chunks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 1, max: 2_400 }),
      async (silenceMs, chunkSamples) => {
        const speech = Buffer.concat([tone(60), silence(100), tone(20)]);
        const kept = await through(Buffer.concat([silence(silenceMs), speech]), chunkSamples * 2);
        expect(kept.subarray(kept.length - speech.length).equals(speech)).toBe(true);
        expect(kept.length - speech.length).toBeLessThanOrEqual(20 * perMs * 2);
      },
    ),
    { numRuns: 100 },
  );
});

test('audio that is all silence ends', async () => {
  expect((await through(silence(300), 100)).length).toBeLessThan(silence(30).length);
});
