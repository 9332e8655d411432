/**
 * Group commit: SQLite transactions that are waiting for one another are committed together. The second and later ones are
 * savepoints of the first one's transaction. Writing the changed pages is half the cost of a small transaction, and neighbors
 * change the same pages.
 */
import { DriverAdapterError, isDriverAdapterError, type SqlDriverAdapter } from '@prisma/driver-adapter-utils';
import { retryLocked } from './locks.ts';

export type Group = { size: number; readonly startedAt: number; readonly committed: PromiseWithResolvers<void> };

const maxGroupSize = 8;
/** The longest that the first transaction of a group waits for the last. */
const maxGroupMs = 20;

/** The one connection. Only the holder of the queue's turn may use the functions below or touch `open`. */
export type Connection = Readonly<{
  adapter: SqlDriverAdapter;
  /** Until when a statement that is issued now is retried, on the clock of `performance.now()`. */
  deadline: () => number;
  open: { group: Group | null };
}>;

const run = ({ adapter, deadline }: Connection, sql: string): Promise<number> =>
  retryLocked(() => adapter.executeRaw({ sql, args: [], argTypes: [] }), deadline());

const rollBackAll = async (connection: Connection): Promise<void> => {
  connection.open.group = null;
  try {
    await run(connection, 'ROLLBACK');
  } catch (error) {
    if (!isAlreadyRolledBack(error)) throw error;
  }
};

/** SQLite ends a transaction by itself when, for instance, the disk is full. */
const isAlreadyRolledBack = (error: unknown): boolean =>
  isDriverAdapterError(error) && /no transaction is active/.test(error.cause.originalMessage ?? '');

/** Rolls back the whole group when one member can't be undone alone. The others see a conflict, so `transaction` runs them again. */
export const dropGroup = async (connection: Connection): Promise<void> => {
  connection.open.group?.committed.reject(new DriverAdapterError({ kind: 'TransactionWriteConflict' }));
  await rollBackAll(connection);
};

/** Commits the open group, if there is one. Its members get the outcome; the caller doesn't. */
export const commitGroup = async (connection: Connection): Promise<void> => {
  const { group } = connection.open;
  if (group === null) return;
  try {
    await run(connection, 'COMMIT');
    connection.open.group = null;
    group.committed.resolve();
  } catch (error) {
    group.committed.reject(error);
    await rollBackAll(connection);
  }
};

/** Starts a transaction, or joins the open group. */
export const begin = async (connection: Connection, deadline: number): Promise<Group> => {
  const { open, adapter } = connection;
  if (open.group === null) {
    await retryLocked(() => adapter.executeScript('BEGIN IMMEDIATE'), deadline);
    const committed = Promise.withResolvers<void>();
    committed.promise.catch(() => null); // each member that awaits it still gets the error
    open.group = { size: 1, startedAt: performance.now(), committed };
  } else {
    await run(connection, 'SAVEPOINT grouped');
    open.group.size += 1;
  }
  return open.group;
};

const hasRoom = (group: Group): boolean =>
  group.size < maxGroupSize && performance.now() - group.startedAt < maxGroupMs;

/**
 * Ends a member's part of the group successfully. Its statements are durable only when `group.committed` resolves.
 * @param isAwaited whether other transactions are waiting, which may then join the group
 */
export const commitMember = async (
  connection: Connection,
  group: Group,
  { isFirst, isAwaited }: Readonly<{ isFirst: boolean; isAwaited: () => boolean }>,
): Promise<void> => {
  try {
    if (!isFirst) await run(connection, 'RELEASE SAVEPOINT grouped');
    if (!isAwaited() || !hasRoom(group)) await commitGroup(connection);
  } catch (error) {
    await dropGroup(connection);
    throw error;
  }
};

/** Undoes one member's part; the others of its group keep theirs. */
export const rollBackMember = async (connection: Connection, isFirst: boolean): Promise<void> => {
  if (isFirst) return rollBackAll(connection);
  try {
    await run(connection, 'ROLLBACK TO SAVEPOINT grouped');
    await run(connection, 'RELEASE SAVEPOINT grouped');
  } catch {
    return dropGroup(connection);
  }
  return commitGroup(connection);
};
