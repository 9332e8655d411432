/**
 * The log: JSON lines on stdout. Facts, not sentences: a constant message with fields beside it. Phone numbers, names and
 * speech go only under the field `pii`, which is left out unless LOG_PII is set.
 */
import { pino, type Logger } from 'pino';

export type Log = Logger;

/** Opens the log. `level` is one of pino's; with `pii` false every `pii` field is removed, at any of the usual depths. */
export const openLog = (options: { level: string; pii: boolean; name?: string }): Log =>
  pino({
    level: options.level,
    base: options.name === undefined ? null : { name: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: options.pii ? [] : { paths: ['pii', '*.pii', '*.*.pii'], remove: true },
  });
