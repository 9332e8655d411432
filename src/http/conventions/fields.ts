/** Fields that the schemas of several resources share. */
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import type { PageQuery, Position } from '../../database/paging.ts';
import { isStorable, isStorableJson, text } from '../../database/storable-text.ts';

export const id = text(64);
export const version = z.int().min(0).max(2_147_483_647);
export const timestamp = z.iso.datetime();

/** A time that a client sends: with its offset, in years that both databases can store. */
export const timestampInput = z.iso
  .datetime({ offset: true })
  .refine((value) => /^(19[7-9]|2\d\d)\d/.test(value), 'must be between 1970 and 2999');

export const booleanQuery = z.stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive' });

const maxMetadataCharacters = 10_000;
const maxMetadataLevels = 10;

const isShallow = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((one) => isShallow(one, levels - 1)));

const isStorableMetadata = (value: object): boolean => {
  if (!isShallow(value, maxMetadataLevels)) return false;
  return JSON.stringify(value).length <= maxMetadataCharacters && isStorableJson(value);
};

/** A JSON object of the tenant's own. */
export const metadata = z
  .record(z.string(), z.unknown())
  .refine(
    isStorableMetadata,
    `must have at most ${maxMetadataCharacters} characters and ${maxMetadataLevels} levels, and no NUL characters`,
  );

export const email = z.email().max(254);
/** Length is what makes a password strong; the upper limit keeps hashing cheap. */
export const password = text(200).min(12);

export const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** The query parameters of every list. */
export const pageShape = {
  limit: z.coerce.number().int().min(1).max(100).default(50).describe('The maximum number of items on a page.'),
  cursor: z.string().max(300).exactOptional().describe('next_cursor of the previous page.'),
};

const position = z.tuple([z.iso.datetime(), z.string().min(1).max(64)]);

const cursorOf = ({ createdAt, id: rowId }: Position): string =>
  Buffer.from(JSON.stringify([createdAt.toISOString(), rowId])).toString('base64url');

const positionOf = (cursor: string): Position => {
  try {
    const [createdAt, rowId] = position.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    if (!isStorable(rowId) || !/^[12]/.test(createdAt)) throw new RangeError('not a position');
    return { createdAt: new Date(createdAt), id: rowId };
  } catch (err) {
    throw new AppError('malformed', 'Invalid cursor.', { cause: err });
  }
};

/** @throws AppError `malformed` for an invalid cursor */
export const pageQueryOf = ({ limit, cursor }: Readonly<{ limit: number; cursor?: string }>): PageQuery => ({
  limit,
  after: cursor === undefined ? null : positionOf(cursor),
});

export const nextCursor = (next: Position | null): string | null => (next === null ? null : cursorOf(next));

type AllOptional<Shape extends z.ZodRawShape> = {
  [Name in keyof Shape]: Shape[Name] extends z.ZodType ? z.ZodExactOptional<Shape[Name]> : never;
};

/** The same fields, all of them optional. */
export const allOptional = <Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): AllOptional<Shape> =>
  Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => [name, schema.exactOptional()]),
  ) as AllOptional<Shape>;
