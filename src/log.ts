/**
 * The log: JSON lines on stdout, each a constant message with fields. Phone numbers, names and speech go only into the field
 * `pii`, which is dropped unless LOG_PII is set.
 */
import { pino, type Logger } from 'pino';

export type Log = Logger;

/** Opens the log. `level` is one of pino's. With `pii` false, every `pii` field down to the third level is removed. */
export const openLog = (options: { level: string; pii: boolean; name?: string }): Log =>
  pino({
    level: options.level,
    base: options.name === undefined ? null : { name: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: options.pii ? [] : { paths: ['pii', '*.pii', '*.*.pii'], remove: true },
  });
