/**
 * Edits that don't overwrite each other: a record's `version` counts its edits, and a client names the version it read.
 *
 * Glossary
 *   stale      somebody else has edited the record since the client read it
 */

/** The record to edit, and the version that the client read; null: whichever it has now. */
export type RecordVersion = Readonly<{ id: string; version: number | null }>;

export type Edited<Row> = Row | 'missing' | 'stale';

/**
 * Edits a record unless it is missing or stale.
 * @param find reads the record before and after the edit, within the client's scope
 * @param update changes what `where` matches and increments its version
 * @returns the record after the edit
 */
export const editVersioned = async <Row extends Readonly<{ version: number }>>(
  { id, version }: RecordVersion,
  {
    find,
    update,
  }: Readonly<{
    find: (id: string) => Promise<Row | null>;
    update: (where: Readonly<{ id: string; version?: number }>, before: Row) => Promise<Readonly<{ count: number }>>;
  }>,
): Promise<Edited<Row>> => {
  const before = await find(id);
  if (before === null) return 'missing';
  if (version !== null && version !== before.version) return 'stale';
  const { count } = await update({ id, ...(version !== null && { version }) }, before);
  const after = await find(id);
  if (after === null) return 'missing';
  return count === 0 ? 'stale' : after;
};
