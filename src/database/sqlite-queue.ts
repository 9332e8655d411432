/**
 * One statement or one transaction at a time on SQLite. Prisma's adapter has one connection: a plain write issued while a
 * transaction is open, an implicit one of a nested create included, becomes part of it and is rolled back with it although it
 * was acknowledged. So plain statements wait here while a transaction is open, and transactions that wait for one another are
 * committed together. Waiting for another process's lock is done
 * asynchronously: SQLite's own waiting blocks the event loop.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DriverAdapterError,
  isDriverAdapterError,
  type SqlDriverAdapter,
  type SqlDriverAdapterFactory,
  type SqlQuery,
  type Transaction,
} from '@prisma/driver-adapter-utils';

/** What SQLite itself may wait for a lock, blocking everything, before we wait asynchronously. */
export const blockingWaitMs = 50;

type Release = () => void;

/** Whether SQLite refused because another connection has the file locked. */
export const isLocked = (error: unknown): boolean =>
  isDriverAdapterError(error) && error.cause.kind === 'SocketTimeout';

/**
 * Calls `attempt` again, with growing pauses, while the file is locked by another connection.
 * @param deadline on the clock of `performance.now()`; the attempt after it is the last, and what that throws is thrown
 */
export const retryLocked = async <T>(attempt: () => Promise<T>, deadline: number): Promise<T> => {
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 250)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isLocked(error) || performance.now() >= deadline) throw error;
    }
    await sleep(pauseMs * (0.5 + Math.random() / 2));
  }
};

type Queue = Readonly<{ takeTurn: () => Promise<Release>; isAwaited: () => boolean }>;

/** First come, first served: gives the turn, which lasts until it is released. */
const createQueue = (): Queue => {
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;
  const takeTurn = async (): Promise<Release> => {
    const before = last;
    const turn = Promise.withResolvers<void>();
    last = turn.promise;
    waiting += 1;
    await before;
    waiting -= 1;
    return turn.resolve;
  };
  return { takeTurn, isAwaited: () => waiting > 0 };
};

/**
 * Transactions that are committed together, when they wait for one another anyway: the second and later ones are savepoints of the
 * first one's transaction. Writing the changed pages is half the cost of a small transaction, and neighbours change the same pages.
 */
type Group = { size: number; readonly startedAt: number; readonly committed: PromiseWithResolvers<void> };

const largestGroup = 8;
/** How long the first of a group may wait for the last. */
const longestGroupMs = 20;

type Connection = Readonly<{
  adapter: SqlDriverAdapter;
  queue: Queue;
  /** Until when a statement that is asked for now is tried again, on the clock of `performance.now()`. */
  deadline: () => number;
  /** Who has the turn reads and writes it. */
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

/** SQLite ends the transaction by itself when, for instance, the disk is full. */
const isAlreadyRolledBack = (error: unknown): boolean =>
  isDriverAdapterError(error) && /no transaction is active/.test(error.cause.originalMessage ?? '');

/** Undoes the whole group, where one member can't be undone alone: `transaction` of src/database/database.ts lets the others do theirs again. */
const dropGroup = async (connection: Connection): Promise<void> => {
  connection.open.group?.committed.reject(new DriverAdapterError({ kind: 'TransactionWriteConflict' }));
  await rollBackAll(connection);
};

/** Commits what is open. Its members learn whether that went well; who has the turn now needn't. */
const commitGroup = async (connection: Connection): Promise<void> => {
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

/** Starts a transaction, or joins the group that is open. The turn is the caller's. */
const begin = async (connection: Connection, until: number): Promise<Group> => {
  const { open, adapter } = connection;
  if (open.group === null) {
    await retryLocked(() => adapter.executeScript('BEGIN IMMEDIATE'), until);
    const committed = Promise.withResolvers<void>();
    committed.promise.catch(() => null); // whoever waits is told all the same
    open.group = { size: 1, startedAt: performance.now(), committed };
  } else {
    await run(connection, 'SAVEPOINT grouped');
    open.group.size += 1;
  }
  return open.group;
};

const hasRoom = (group: Group): boolean =>
  group.size < largestGroup && performance.now() - group.startedAt < longestGroupMs;

/** Ends a member's part well: whoever waits may join the group. Settles with the group's commit. */
const commitMember = async (
  connection: Connection,
  group: Group,
  isFirst: boolean,
  release: Release,
): Promise<void> => {
  try {
    if (!isFirst) await run(connection, 'RELEASE SAVEPOINT grouped');
    if (!connection.queue.isAwaited() || !hasRoom(group)) await commitGroup(connection);
  } catch (error) {
    await dropGroup(connection);
    throw error;
  } finally {
    release();
  }
  await group.committed.promise;
};

/** Undoes a member's part; the others of its group keep theirs. */
const rollBackMember = async (connection: Connection, isFirst: boolean): Promise<void> => {
  if (isFirst) return rollBackAll(connection);
  try {
    await run(connection, 'ROLLBACK TO SAVEPOINT grouped');
    await run(connection, 'RELEASE SAVEPOINT grouped');
  } catch {
    return dropGroup(connection);
  }
  return commitGroup(connection);
};

/** A transaction that has the turn from its beginning until it is committed or rolled back, whatever fails. */
const openTransaction = (connection: Connection, group: Group, release: Release): Transaction => {
  const { adapter, deadline } = connection;
  const isFirst = group.size === 1;
  let open = true;
  /** Late statements of a transaction that timed out must not reach the connection: they would be part of another's. */
  const refuseWhenClosed = () => {
    if (!open) throw new DriverAdapterError({ kind: 'TransactionAlreadyClosed', cause: 'The transaction has ended.' });
  };
  const rollBack = async (): Promise<void> => {
    open = false;
    await rollBackMember(connection, isFirst).finally(release);
  };
  const execute = async (query: SqlQuery): Promise<number> => {
    refuseWhenClosed();
    if (query.sql !== 'COMMIT' && query.sql !== 'ROLLBACK')
      return retryLocked(() => adapter.executeRaw(query), deadline());
    open = false;
    if (query.sql === 'COMMIT') await commitMember(connection, group, isFirst, release);
    else await rollBack();
    return 0;
  };
  /** Called by Prisma after COMMIT or ROLLBACK, and after one that failed. */
  const end = async (): Promise<void> => {
    if (open) await rollBack();
  };
  const savepoint = (sql: string) => async (name: string) => {
    await execute({ sql: `${sql} ${name}`, args: [], argTypes: [] });
  };
  return {
    ...{ provider: adapter.provider, adapterName: adapter.adapterName, options: { usePhantomQuery: false } },
    queryRaw: async (query) => {
      refuseWhenClosed();
      return retryLocked(() => adapter.queryRaw(query), deadline());
    },
    executeRaw: execute,
    ...{ commit: end, rollback: end },
    createSavepoint: savepoint('SAVEPOINT'),
    rollbackToSavepoint: savepoint('ROLLBACK TO'),
    releaseSavepoint: savepoint('RELEASE SAVEPOINT'),
  };
};

const guardAdapter = (adapter: SqlDriverAdapter, lockedTimeoutMs: number): SqlDriverAdapter => {
  const deadline = () => performance.now() + lockedTimeoutMs;
  const connection: Connection = { adapter, queue: createQueue(), deadline, open: { group: null } };
  const inTurn = async <T>(statement: () => Promise<T>): Promise<T> => {
    // From when it was asked for: a queue behind a locked file fails together, not one after the other.
    const until = deadline();
    const release = await connection.queue.takeTurn();
    try {
      await commitGroup(connection);
      return await retryLocked(statement, until);
    } finally {
      release();
    }
  };
  return {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    queryRaw: (query) => inTurn(() => adapter.queryRaw(query)),
    executeRaw: (query) => inTurn(() => adapter.executeRaw(query)),
    executeScript: (script) => inTurn(() => adapter.executeScript(script)),
    startTransaction: async (isolationLevel) => {
      if (isolationLevel !== undefined && isolationLevel !== 'SERIALIZABLE') {
        throw new DriverAdapterError({ kind: 'InvalidIsolationLevel', level: isolationLevel });
      }
      const until = deadline();
      const release = await connection.queue.takeTurn();
      try {
        return openTransaction(connection, await begin(connection, until), release);
      } catch (error) {
        await dropGroup(connection).finally(release);
        throw error;
      }
    },
    dispose: () => inTurn(() => adapter.dispose()),
  };
};

/**
 * Puts the guard around an adapter.
 * @param setUp SQL that every new connection runs first
 * @param lockedTimeoutMs how long a statement is tried again while another process has the file locked
 */
export const guardSqlite = (
  factory: SqlDriverAdapterFactory,
  { setUp, lockedTimeoutMs }: { setUp: string; lockedTimeoutMs: number },
): SqlDriverAdapterFactory => ({
  provider: factory.provider,
  adapterName: factory.adapterName,
  connect: async () => {
    const adapter = guardAdapter(await factory.connect(), lockedTimeoutMs);
    try {
      await adapter.executeScript(setUp);
    } catch (error) {
      await adapter.dispose();
      throw error;
    }
    return adapter;
  },
});
