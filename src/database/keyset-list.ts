/**
 * Lists that are quick however many records there are: read newest first from an index, in the shape that the caller chooses
 * rather than the planner. Only stores use this.
 *
 * Glossary
 *   branch    a condition that names all columns of an index before createdAt and id: its records stand there newest first
 *   filter    a condition that the index doesn't answer, written so that no other is used for it (`isText`, `isAtLeast`, …)
 *   reach     the last record that a page looks at; null: it looks at all that are left
 */
import { join, raw, sql, type Sql } from '@prisma/client-runtime-utils';
import type { DbClient } from './open.ts';
import { newestFirst, type PageQuery, type Position } from './paging.ts';

/** The records that are in any of the branches, which have none in common, and meet all the filters. */
export type Listing = Readonly<{
  table: 'CallLog' | 'Lead';
  /** SQLite, which keeps no statistics here, is told of it. PostgreSQL finds it by its own. */
  index: string;
  branches: readonly Sql[];
  filters: readonly Sql[];
  /** Not older than this. */
  since?: Date | undefined;
  /** Older than this. */
  until?: Date | undefined;
}>;

/**
 * So many records of a branch a page looks at for those that meet the filters: where the records must be read, and where the index has
 * what the filters ask for. About 10 ms each, for which calls have to wait on SQLite.
 */
export const mostLookedAt = { inTable: 2_000, inIndex: 10_000 } as const;

/** A page: its ids, and where to go on. `isCut`: it has fewer than asked for, and there are more that it didn't look at. */
export type Found = Readonly<{ ids: readonly string[]; next: Position | null; isCut: boolean }>;

/** Filters. An expression of a column, unlike the column, is not what an index is made of. */
export const isText = (column: string, value: string): Sql => sql`CAST(${raw(`"${column}"`)} AS TEXT) || '' = ${value}`;
export const isAtLeast = (column: string, value: number): Sql => sql`${raw(`"${column}"`)} + 0 >= ${value}`;
export const isAtMost = (column: string, value: number): Sql => sql`${raw(`"${column}"`)} + 0 <= ${value}`;

/** As the driver gives it: SQLite's times are texts. */
type Row = Readonly<{ id: string; createdAt: Date | string }>;

const inOrder = raw('ORDER BY "createdAt" DESC, "id" DESC');

/** Each bound once: of two, SQLite may take one for the index and read all that only the other excludes. */
const boundsOf = ({ since, until }: Listing, { after }: PageQuery, reach: Position | null): Sql[] => {
  const isBeforeUntil = after !== null && (until === undefined || after.createdAt < until);
  const upper = isBeforeUntil
    ? [sql`("createdAt", "id") < (${after.createdAt}, ${after.id})`]
    : until === undefined
      ? []
      : [sql`"createdAt" < ${until}`];
  if (reach !== null) return [...upper, sql`("createdAt", "id") >= (${reach.createdAt}, ${reach.id})`];
  return since === undefined ? upper : [...upper, sql`"createdAt" >= ${since}`];
};

const fromIndex = ({ kind }: DbClient, { table, index }: Listing): Sql =>
  raw(kind === 'sqlite' ? `FROM "${table}" INDEXED BY "${index}"` : `FROM "${table}"`);

/** The newest of each branch, after so many are skipped; of them the newest. */
const newest = async (
  db: DbClient,
  listing: Listing,
  page: PageQuery,
  { take, skip = 0, reach = null }: Readonly<{ take: number; skip?: number; reach?: Position | null }>,
): Promise<Position[]> => {
  const conditions = [...boundsOf(listing, page, reach), ...listing.filters];
  const parts = listing.branches.map(
    (branch) => sql`SELECT * FROM (
      SELECT "id", "createdAt" ${fromIndex(db, listing)} WHERE ${join([branch, ...conditions], ' AND ')}
      ${inOrder} LIMIT ${take} OFFSET ${skip}) AS "branch"`,
  );
  const rows = await db.$queryRaw<Row[]>(sql`${join(parts, ' UNION ALL ')} ${inOrder} LIMIT ${take}`);
  return rows.map(({ id, createdAt }) => ({ id, createdAt: new Date(createdAt) }));
};

/** What is beyond the reach of one branch is beyond that of all. */
const findReach = async (db: DbClient, listing: Listing, page: PageQuery, most: number): Promise<Position | null> => {
  const [reach] = await newest(db, { ...listing, filters: [] }, page, { take: 1, skip: most - 1 });
  return reach ?? null;
};

/** A page. Where there are filters it looks at so many records of each branch; null: at all. */
export const findPage = async (
  db: DbClient,
  listing: Listing,
  page: PageQuery,
  most: number | null = mostLookedAt.inTable,
): Promise<Found> => {
  const isBounded = most !== null && listing.filters.length > 0;
  const reach = isBounded ? await findReach(db, listing, page, most) : null;
  const found = await newest(db, listing, page, { take: page.limit + 1, reach });
  const shown = found.slice(0, page.limit);
  const isFull = found.length > page.limit;
  return {
    ids: shown.map(({ id }) => id),
    next: isFull ? (shown.at(-1) ?? null) : reach,
    isCut: !isFull && reach !== null,
  };
};

/** Whether a listing of one branch, without its filters, has no more records than a page may read. */
export const isShort = async (db: DbClient, listing: Listing): Promise<boolean> => {
  const all = sql`SELECT 1 ${fromIndex(db, listing)} WHERE ${join(listing.branches, ' OR ')} LIMIT ${mostLookedAt.inTable + 1}`;
  const [row] = await db.$queryRaw<{ n: number | bigint }[]>(sql`SELECT COUNT(*) AS "n" FROM (${all}) AS "some"`);
  return Number(row?.n) <= mostLookedAt.inTable;
};

/** What asks for the records that were found, in their order. The tenant is asked for so that SQLite doesn't begin with its index. */
export const recordsOf = (ids: readonly string[], tenantId: string) => ({
  where: { id: { in: [...ids] }, NOT: { tenantId: { not: tenantId } } },
  orderBy: newestFirst(),
});
