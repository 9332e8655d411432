import { initializeLogger } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { expect, test } from 'vitest';
import { rehearse } from '#agents/telephony/warm-up/warm-up.ts';
import { warmVad } from '#agents/telephony/session/session.ts';
import { openLog } from '#src/log.ts';

initializeLogger({ pretty: false, level: 'silent' });
const log = openLog({ level: 'warn', pii: true });
const vad = await warmVad(() => new AudioFrame(new Int16Array(1_600), 16_000, 1, 1_600));

test('hears, thinks and speaks once, without any provider', async () => {
  expect(await rehearse(vad, log, new AbortController().signal)).toBe(true);
});

test('stops when a call comes', async () => {
  const called = new AbortController();
  const rehearsed = rehearse(vad, log, called.signal);
  called.abort();
  expect(await rehearsed).toBe(false);
});
