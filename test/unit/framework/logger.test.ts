import { initializeLogger, log as frameworkLog } from '@livekit/agents';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { takeOverFrameworkLog } from '#src/framework/logger.ts';

/** Returns what the framework's logger writes with these options. */
const written = (options: { level: string; pii: boolean }, write: () => void): string => {
  let lines = '';
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines += chunk.toString();
      done();
    },
  });
  initializeLogger({ pretty: false, level: 'silent' });
  takeOverFrameworkLog(pino({ level: options.level }, sink), options);
  write();
  return lines;
};

const speak = () => {
  frameworkLog().warn(
    { 'lk.pii.user_input': 'CANARY', err: new Error('CANARY'), body: { text: 'CANARY' }, attempt: 2 },
    'skipped',
  );
  frameworkLog().info('an utterance');
};

test('speech is left out at every level', () => {
  const lines = written({ level: 'trace', pii: false }, speak);
  expect(lines).not.toContain('CANARY');
  expect(lines).toContain('"attempt":2');
  expect(lines).toContain('an utterance');
});

test('speech is logged if `pii` is set', () => {
  expect(written({ level: 'warn', pii: true }, speak)).toContain('"lk.pii.user_input":"CANARY"');
});

test('at our level info, its info lines are left out', () => {
  expect(written({ level: 'info', pii: false }, speak)).not.toContain('an utterance');
});
