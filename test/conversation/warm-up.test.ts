import { initializeLogger } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { expect, test } from 'vitest';
import { warmUp } from '#agents/telephony/warm-up/warm-up.ts';
import { warmVad } from '#agents/telephony/session/session.ts';
import { buildSampleJob } from '#src/calls/preview/build-job.ts';
import { openLog } from '#src/log.ts';

initializeLogger({ pretty: false, level: 'silent' });
const log = openLog({ level: 'warn', pii: true });
// As the service builds it.
const { job: plain } = buildSampleJob({ caller: '+15551234567', settings: null, now: new Date() });
const job = { ...plain, cachedSpeech: {} };
const vad = await warmVad(() => new AudioFrame(new Int16Array(1_600), 16_000, 1, 1_600));

test('one exchange succeeds without any provider', async () => {
  expect(await warmUp(job, vad, log, new AbortController().signal)).toBe(true);
});

test('the warm-up stops when a call arrives', async () => {
  const called = new AbortController();
  const warmedUp = warmUp(job, vad, log, called.signal);
  called.abort();
  expect(await warmedUp).toBe(false);
});
