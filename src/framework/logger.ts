/** Makes the framework's own log lines of this process follow our rules: our level, and no speech unless it was asked for. */
import type { Log } from '../log.ts';
import type { FromService } from '../protocol/messages.ts';

const loggerKey = Symbol.for('@livekit/agents:logger');

/** Replaces the framework's logger. It is to be done again when a job begins: the framework sets its own then. */
export const takeOverFrameworkLog = (log: Log, options: Extract<FromService, { type: 'init' }>['log']): void => {
  const theirs = log.child(
    { part: 'livekit' },
    {
      level: quieter(options.level),
      formatters: { log: (fields: object) => (options.pii ? { ...fields } : withoutSpeech(fields)) },
    },
  );
  Reflect.set(globalThis, loggerKey, theirs);
};

/** Its `info` is our `debug`: every utterance and state. */
const quieter = (level: string): string => (level === 'info' ? 'warn' : level);

/** The framework marks what people said by the prefix. Objects in its fields may hold speech too: of errors, the kind is kept. */
const withoutSpeech = (fields: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => !name.startsWith('lk.pii.'))
      .map(([name, value]) => [name, value instanceof Error ? value.name : plain(value)]),
  );

const plain = (value: unknown): unknown => (typeof value === 'object' && value !== null ? '[object]' : value);
