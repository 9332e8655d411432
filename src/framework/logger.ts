/**
 * Makes the framework's own log of this process follow our rules: our level, and no speech unless `log.pii` is set.
 * Upstream: a way to pass a logger, or a level and a formatter, that a job doesn't replace.
 */
import type { Log } from '../log.ts';
import type { FromService } from '../protocol/messages.ts';

const loggerKey = Symbol.for('@livekit/agents:logger');

/** Replaces the framework's logger. To be called again when a job begins, since the framework then sets its own. */
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

/** The framework logs every utterance and state at `info`, which is `debug` by our standards. */
const quieter = (level: string): string => (level === 'info' ? 'warn' : level);

/** The framework marks speech with the prefix `lk.pii.`. Objects may contain speech too, so only an error's name is kept of them. */
const withoutSpeech = (fields: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => !name.startsWith('lk.pii.'))
      .map(([name, value]) => [name, value instanceof Error ? value.name : plain(value)]),
  );

const plain = (value: unknown): unknown => (typeof value === 'object' && value !== null ? '[object]' : value);
