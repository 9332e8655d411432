/**
 * Records that people list and edit.
 *
 * Glossary
 *   position   where a list goes on: after the record with this time and id; lists are newest first
 *   version    counts a record's edits; who edits says which one they read
 *   stale      somebody else has edited the record since
 */

export type Position = Readonly<{ createdAt: Date; id: string }>;
/** At most `limit` records after a position; null: from the newest on. */
export type PageQuery = Readonly<{ limit: number; after: Position | null }>;
/** `next` null: there are no more. */
export type Page<T> = Readonly<{ items: readonly T[]; next: Position | null }>;

/** The order of a list. */
export const newestFirst = (): ({ createdAt: 'desc' } | { id: 'desc' })[] => [{ createdAt: 'desc' }, { id: 'desc' }];

/** The order of a list and how much of it: one record more than asked for, which tells whether there are more. */
export const pageArgs = ({ limit }: PageQuery) => ({ orderBy: newestFirst(), take: limit + 1 });

/** The condition for what comes after the position. The first half, which is implied, lets an index find the beginning. */
export const afterPosition = ({ after }: PageQuery) =>
  after === null
    ? {}
    : {
        createdAt: { lte: after.createdAt },
        OR: [{ createdAt: { lt: after.createdAt } }, { id: { lt: after.id } }],
      };

/** The page of the rows that `pageArgs` got. */
export const pageOf = <T extends Position>(rows: readonly T[], { limit }: PageQuery): Page<T> => {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? { createdAt: last.createdAt, id: last.id } : null };
};

/** What becomes of an edit. */
export type Edited<T> = T | 'missing' | 'stale';

/** Tells, after an edit that found no record of the version it read, whether there is one of another version. */
export const whyNotEdited = (found: unknown): 'missing' | 'stale' => (found === null ? 'missing' : 'stale');
