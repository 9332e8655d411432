/** Matchers with the type of what they match; Vitest's own are `any`. */
import { expect } from 'vitest';

export const anyText = expect.any(String) as string;

export const someOf = (texts: string[]): string[] => expect.arrayContaining(texts) as string[];

export const objectWith = (part: Record<string, string>): Record<string, string> =>
  expect.objectContaining(part) as Record<string, string>;
