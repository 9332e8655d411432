/**
 * Lists that stay fast however many records there are: read newest first from an index that the caller chooses instead of the
 * query planner. Only stores use this.
 *
 * Glossary
 *   branch    a condition on all columns of an index before createdAt and id: within it, the index is ordered newest first
 *   filter    a condition that the index can't answer, written so that no other index is used for it (`isText`, `isAtLeast`, …)
 *   reach     the last record that a page examines; null: it may examine all the rest
 */
import { join, raw, sql, type Sql } from '@prisma/client-runtime-utils';
import type { DbClient } from './open.ts';
import { newestFirst, type PageQuery, type Position } from './paging.ts';

/** The records that match any of the branches, which are disjoint, and all filters. */
export type Listing = Readonly<{
  table: 'CallLog' | 'Lead';
  /** Forced on SQLite, which has no statistics here. PostgreSQL chooses it by itself. */
  index: string;
  branches: readonly Sql[];
  filters: readonly Sql[];
  /** Not older than this. */
  since?: Date | undefined;
  /** Older than this. */
  until?: Date | undefined;
}>;

/**
 * How many records of each branch a page examines at most: if the rows must be read, and if the index covers the filters. Both
 * take about 10 ms, for which calls have to wait on SQLite.
 */
export const maxExamined = { inTable: 2_000, inIndex: 10_000 } as const;

/** A page: its ids, and where the next one starts. `isCut`: it isn't full although more records were left to examine. */
export type Found = Readonly<{ ids: readonly string[]; next: Position | null; isCut: boolean }>;

/** Filters on an expression of the column, because an index on the column can't be used for that. */
export const isText = (column: string, value: string): Sql => sql`CAST(${raw(`"${column}"`)} AS TEXT) || '' = ${value}`;
export const isAtLeast = (column: string, value: number): Sql => sql`${raw(`"${column}"`)} + 0 >= ${value}`;
export const isAtMost = (column: string, value: number): Sql => sql`${raw(`"${column}"`)} + 0 <= ${value}`;

/** As the driver returns it: on SQLite, times are strings. */
type Row = Readonly<{ id: string; createdAt: Date | string }>;

const inOrder = raw('ORDER BY "createdAt" DESC, "id" DESC');

/** One bound on each side: of two, SQLite may use one for the index and read every row that only the other excludes. */
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

/** The newest records over all branches; `skip` applies to each branch. */
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

/** The reach that no branch exceeds. */
const findReach = async (db: DbClient, listing: Listing, page: PageQuery, max: number): Promise<Position | null> => {
  const [reach] = await newest(db, { ...listing, filters: [] }, page, { take: 1, skip: max - 1 });
  return reach ?? null;
};

/** Reads a page. With filters it examines at most `max` records of each branch; null: no limit. */
export const findPage = async (
  db: DbClient,
  listing: Listing,
  page: PageQuery,
  max: number | null = maxExamined.inTable,
): Promise<Found> => {
  const isBounded = max !== null && listing.filters.length > 0;
  const reach = isBounded ? await findReach(db, listing, page, max) : null;
  const found = await newest(db, listing, page, { take: page.limit + 1, reach });
  const shown = found.slice(0, page.limit);
  const isFull = found.length > page.limit;
  return {
    ids: shown.map(({ id }) => id),
    next: isFull ? (shown.at(-1) ?? null) : reach,
    isCut: !isFull && reach !== null,
  };
};

/** Whether a listing of one branch, without its filters, is small enough for one page to examine. */
export const isShort = async (db: DbClient, listing: Listing): Promise<boolean> => {
  const all = sql`SELECT 1 ${fromIndex(db, listing)} WHERE ${join(listing.branches, ' OR ')} LIMIT ${maxExamined.inTable + 1}`;
  const [row] = await db.$queryRaw<{ n: number | bigint }[]>(sql`SELECT COUNT(*) AS "n" FROM (${all}) AS "some"`);
  return Number(row?.n) <= maxExamined.inTable;
};

/** Arguments that read the records found, in list order. The condition on the tenant keeps SQLite from starting with its index. */
export const recordsOf = (ids: readonly string[], tenantId: string) => ({
  where: { id: { in: [...ids] }, NOT: { tenantId: { not: tenantId } } },
  orderBy: newestFirst(),
});
