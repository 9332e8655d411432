/** What the schemas of several resources share. */
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import type { PageQuery, Position } from '../../database/paging.ts';
import { isStorable, isStorableJson, text } from '../../database/storable-text.ts';

export const id = text(64);
export const version = z.int().min(0).max(2_147_483_647);
export const timestamp = z.iso.datetime();

/** A time that somebody gives: with its offset, of an age in which there are telephones on the internet. */
export const timestampInput = z.iso
  .datetime({ offset: true })
  .refine((value) => /^(19[7-9]|2\d\d)\d/.test(value), 'must be between 1970 and 2999');

export const booleanQuery = z.stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive' });

const mostMetadataCharacters = 10_000;
const mostMetadataLevels = 10;

const isShallow = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((one) => isShallow(one, levels - 1)));

const isKept = (value: object): boolean => {
  if (!isShallow(value, mostMetadataLevels)) return false;
  return JSON.stringify(value).length <= mostMetadataCharacters && isStorableJson(value);
};

/** An object of the tenant's own making. */
export const metadata = z
  .record(z.string(), z.unknown())
  .refine(
    isKept,
    `must have at most ${mostMetadataCharacters} characters and ${mostMetadataLevels} levels, and no NUL`,
  );

export const email = z.email().max(254);
/** Length is what counts; the upper end keeps hashing cheap. */
export const password = text(200).min(12);

export const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** What every list can be asked. */
export const pageShape = {
  limit: z.coerce.number().int().min(1).max(100).default(50).describe('How many at most.'),
  cursor: z.string().max(300).exactOptional().describe('Where to go on: next_cursor of the page before.'),
};

const position = z.tuple([z.iso.datetime(), z.string().min(1).max(64)]);

const cursorOf = ({ createdAt, id: rowId }: Position): string =>
  Buffer.from(JSON.stringify([createdAt.toISOString(), rowId])).toString('base64url');

const positionOf = (cursor: string): Position => {
  try {
    const [createdAt, rowId] = position.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    if (!isStorable(rowId) || !/^[12]/.test(createdAt)) throw new RangeError('no position of ours');
    return { createdAt: new Date(createdAt), id: rowId };
  } catch (error) {
    throw new AppError('malformed', 'The cursor is not one that a list gave.', { cause: error });
  }
};

/** @throws AppError `malformed` where the cursor isn't one of ours */
export const pageQueryOf = ({ limit, cursor }: Readonly<{ limit: number; cursor?: string }>): PageQuery => ({
  limit,
  after: cursor === undefined ? null : positionOf(cursor),
});

export const nextCursor = (next: Position | null): string | null => (next === null ? null : cursorOf(next));

type AllOptional<Shape extends z.ZodRawShape> = {
  [Name in keyof Shape]: Shape[Name] extends z.ZodType ? z.ZodExactOptional<Shape[Name]> : never;
};

/** The same fields, of which any may be left out. */
export const allOptional = <Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): AllOptional<Shape> =>
  Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => [name, schema.exactOptional()]),
  ) as AllOptional<Shape>;
