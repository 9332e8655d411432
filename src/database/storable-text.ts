/** Text that people send us, as both databases can keep it: PostgreSQL refuses NUL and halves of characters. */
import { z } from 'zod';

/** Whether both databases can keep it. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** JSON.stringify writes NUL and halves of characters as escapes. */
const unstorable = /(^|[^\\])(\\\\)*\\u(0000|d[89a-f])/i;

/** The same for all texts inside something that came as JSON, and that isn't deeper than JSON.stringify can go. */
export const isStorableJson = (value: unknown): boolean => !unstorable.test(JSON.stringify(value));

/** A text of at most `max` characters. */
export const text = (max: number) =>
  z.string().max(max).refine(isStorable, 'must not contain NUL or halves of characters');

/** A text of at least one character, without blanks around it. */
export const name = (max: number) => text(max).trim().min(1);
