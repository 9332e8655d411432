/** Text from outside that both databases can store: PostgreSQL refuses NUL and lone surrogates. */
import { z } from 'zod';

/** Whether both databases can store a text. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** NUL and lone surrogates, which JSON.stringify escapes. */
const unstorable = /(^|[^\\])(\\\\)*\\u(0000|d[89a-f])/i;

/** The same for every text in a JSON value, which must not be nested too deep for JSON.stringify. */
export const isStorableJson = (value: unknown): boolean => !unstorable.test(JSON.stringify(value));

/** A text of at most `max` characters. */
export const text = (max: number) =>
  z.string().max(max).refine(isStorable, 'must not contain NUL characters or lone surrogates');

/** A text of at least one character, trimmed. */
export const name = (max: number) => text(max).trim().min(1);
