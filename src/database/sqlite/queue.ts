/**
 * One statement or one transaction at a time on SQLite. Prisma's adapter has one connection: a plain write that is issued while
 * a transaction is open (implicit ones of nested creates included) becomes part of it, and is rolled back with it although it
 * was acknowledged. So plain statements wait here while a transaction is open.
 */
import {
  DriverAdapterError,
  type SqlDriverAdapter,
  type SqlDriverAdapterFactory,
  type SqlQuery,
  type Transaction,
} from '@prisma/driver-adapter-utils';
import {
  begin,
  commitGroup,
  commitMember,
  dropGroup,
  rollBackMember,
  type Connection,
  type Group,
} from './group-commit.ts';
import { retryLocked } from './locks.ts';

type Release = () => void;
type Queue = Readonly<{ takeTurn: () => Promise<Release>; isAwaited: () => boolean }>;

/** First come, first served. A turn lasts until it is released. */
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

type QueuedConnection = Connection & Readonly<{ queue: Queue }>;

/** A transaction, which keeps its turn until it is committed or rolled back, whatever fails. */
const openTransaction = (connection: QueuedConnection, group: Group, release: Release): Transaction => {
  const { adapter, deadline, queue } = connection;
  const isFirst = group.size === 1;
  let open = true;
  /** Late statements of a transaction that timed out must not reach the connection, where they would join another one. */
  const refuseWhenClosed = () => {
    if (!open) throw new DriverAdapterError({ kind: 'TransactionAlreadyClosed', cause: 'The transaction has ended.' });
  };
  const commit = async (): Promise<void> => {
    await commitMember(connection, group, { isFirst, isAwaited: queue.isAwaited }).finally(release);
    await group.committed.promise;
  };
  const rollBack = (): Promise<void> => rollBackMember(connection, isFirst).finally(release);
  const execute = async (query: SqlQuery): Promise<number> => {
    refuseWhenClosed();
    if (query.sql !== 'COMMIT' && query.sql !== 'ROLLBACK')
      return retryLocked(() => adapter.executeRaw(query), deadline());
    open = false;
    await (query.sql === 'COMMIT' ? commit() : rollBack());
    return 0;
  };
  /** Prisma calls this after COMMIT or ROLLBACK, even one that failed. */
  const end = async (): Promise<void> => {
    if (open) await execute({ sql: 'ROLLBACK', args: [], argTypes: [] });
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

const queueAdapter = (adapter: SqlDriverAdapter, lockedTimeoutMs: number): SqlDriverAdapter => {
  const deadline = () => performance.now() + lockedTimeoutMs;
  const connection: QueuedConnection = { adapter, queue: createQueue(), deadline, open: { group: null } };
  const inTurn = async <T>(statement: () => Promise<T>): Promise<T> => {
    // Measured from when the statement was issued: a queue behind a locked file fails together, not one after the other.
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
 * Puts the queue in front of an adapter.
 * @param setUp SQL that every new connection runs first
 * @param lockedTimeoutMs how long a statement is retried while another process has the file locked
 */
export const queueSqlite = (
  factory: SqlDriverAdapterFactory,
  { setUp, lockedTimeoutMs }: { setUp: string; lockedTimeoutMs: number },
): SqlDriverAdapterFactory => ({
  provider: factory.provider,
  adapterName: factory.adapterName,
  connect: async () => {
    const adapter = queueAdapter(await factory.connect(), lockedTimeoutMs);
    try {
      await adapter.executeScript(setUp);
    } catch (error) {
      await adapter.dispose();
      throw error;
    }
    return adapter;
  },
});
