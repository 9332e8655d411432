/**
 * Pages of lists, newest first.
 *
 * Glossary
 *   position   where a list continues: after the record with this time and id
 */

export type Position = Readonly<{ createdAt: Date; id: string }>;
/** At most `limit` records after a position; null: from the newest on. */
export type PageQuery = Readonly<{ limit: number; after: Position | null }>;
/** `next` null: there are no more. */
export type Page<T> = Readonly<{ items: readonly T[]; next: Position | null }>;

/** The order of a list. */
export const newestFirst = (): ({ createdAt: 'desc' } | { id: 'desc' })[] => [{ createdAt: 'desc' }, { id: 'desc' }];

/** The condition for records after the position. Its first half is redundant but lets an index find the start. */
const afterPosition = ({ after }: PageQuery) =>
  after === null
    ? {}
    : {
        createdAt: { lte: after.createdAt },
        OR: [{ createdAt: { lt: after.createdAt } }, { id: { lt: after.id } }],
      };

/** The arguments of `findMany` for a page, and one record more: it tells whether there are more. */
export const pageArgs = <Where extends object>(where: Where, page: PageQuery) => ({
  where: { AND: [where, afterPosition(page)] },
  orderBy: newestFirst(),
  take: page.limit + 1,
});

/** The page of the rows found with `pageArgs`. */
export const pageOf = <T extends Position>(rows: readonly T[], { limit }: PageQuery): Page<T> => {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? { createdAt: last.createdAt, id: last.id } : null };
};
