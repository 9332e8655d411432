/**
 * One statement or one transaction at a time on SQLite. Prisma's adapter has one connection: a plain write issued while a
 * transaction is open, an implicit one of a nested create included, becomes part of it and is rolled back with it although it
 * was acknowledged. So plain statements wait here while a transaction is open. Waiting for another process's lock is done
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

/** First come, first served: gives the turn, which lasts until it is released. */
const createQueue = (): (() => Promise<Release>) => {
  let last: Promise<void> = Promise.resolve();
  return async () => {
    const before = last;
    const turn = Promise.withResolvers<void>();
    last = turn.promise;
    await before;
    return turn.resolve;
  };
};

/** A transaction that has the turn from BEGIN IMMEDIATE until it is committed or rolled back, whatever fails. */
const openTransaction = (adapter: SqlDriverAdapter, deadline: () => number, release: Release): Transaction => {
  let open = true;
  /** Late statements of a transaction that timed out must not reach the connection: they would be committed one by one. */
  const refuseWhenClosed = () => {
    if (!open) throw new DriverAdapterError({ kind: 'TransactionAlreadyClosed', cause: 'The transaction has ended.' });
  };
  const execute = async (query: SqlQuery): Promise<number> => {
    refuseWhenClosed();
    const changes = await retryLocked(() => adapter.executeRaw(query), deadline());
    if (query.sql === 'COMMIT' || query.sql === 'ROLLBACK') open = false;
    return changes;
  };
  /** Called by Prisma after COMMIT or ROLLBACK, and after a COMMIT that failed, which leaves the transaction open. */
  const end = async (): Promise<void> => {
    try {
      if (open) await adapter.executeScript('ROLLBACK');
    } catch (error) {
      if (!isAlreadyRolledBack(error)) throw error;
    } finally {
      open = false;
      release();
    }
  };
  const savepoint = (sql: string) => async (name: string) => {
    await execute({ sql: `${sql} ${name}`, args: [], argTypes: [] });
  };
  return {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    options: { usePhantomQuery: false },
    queryRaw: async (query) => {
      refuseWhenClosed();
      return retryLocked(() => adapter.queryRaw(query), deadline());
    },
    executeRaw: execute,
    commit: end,
    rollback: end,
    createSavepoint: savepoint('SAVEPOINT'),
    rollbackToSavepoint: savepoint('ROLLBACK TO'),
    releaseSavepoint: savepoint('RELEASE SAVEPOINT'),
  };
};

/** SQLite ends the transaction by itself when, for instance, the disk is full. */
const isAlreadyRolledBack = (error: unknown): boolean =>
  isDriverAdapterError(error) && /no transaction is active/.test(error.cause.originalMessage ?? '');

const guardAdapter = (adapter: SqlDriverAdapter, lockedTimeoutMs: number): SqlDriverAdapter => {
  const takeTurn = createQueue();
  const deadline = () => performance.now() + lockedTimeoutMs;
  const inTurn = async <T>(statement: () => Promise<T>): Promise<T> => {
    // From when it was asked for: a queue behind a locked file fails together, not one after the other.
    const until = deadline();
    const release = await takeTurn();
    try {
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
      const release = await takeTurn();
      try {
        await retryLocked(() => adapter.executeScript('BEGIN IMMEDIATE'), until);
      } catch (error) {
        release();
        throw error;
      }
      return openTransaction(adapter, deadline, release);
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
