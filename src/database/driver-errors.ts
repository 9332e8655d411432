/** What an error of the database means, whichever database it comes from and whatever Prisma wrapped it in. */
import { isDriverAdapterError, type DriverAdapterError } from '@prisma/driver-adapter-utils';
import { describeError } from '../errors.ts';

type DriverCause = DriverAdapterError['cause'];

const driverCause = (error: unknown): DriverCause | null => {
  if (isDriverAdapterError(error)) return error.cause;
  if (!(error instanceof Error) || !('meta' in error)) return null;
  const { meta } = error;
  if (typeof meta !== 'object' || meta === null || !('driverAdapterError' in meta)) return null;
  return isDriverAdapterError(meta.driverAdapterError) ? meta.driverAdapterError.cause : null;
};

/** The driver's own message, which has no credentials in it. */
export const driverMessage = (error: unknown): string => {
  const cause = driverCause(error);
  if (cause === null) return describeError(error);
  return cause.kind === 'DatabaseNotReachable'
    ? 'the server cannot be reached.'
    : (cause.originalMessage ?? cause.kind);
};

const prismaCode = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** Whether a row with the same unique value already exists. */
export const isUniqueViolation = (error: unknown): boolean => driverCause(error)?.kind === 'UniqueConstraintViolation';

/** The column whose value another row already has, the last one of a compound key; null: not known. */
export const duplicateColumn = (error: unknown): string | null => {
  const cause = driverCause(error);
  if (cause?.kind !== 'UniqueConstraintViolation' || cause.constraint === undefined) return null;
  if ('fields' in cause.constraint) return cause.constraint.fields.at(-1) ?? null;
  // Prisma's names of indexes: Lead_campaignId_phoneNumber_key
  return 'index' in cause.constraint ? (cause.constraint.index.split('_').at(-2) ?? null) : null;
};

/** Whether a transaction was rolled back in favor of another and can simply be run again. */
export const isConflict = (error: unknown): boolean => driverCause(error)?.kind === 'TransactionWriteConflict';

const unavailableKinds: ReadonlySet<DriverCause['kind']> = new Set([
  'SocketTimeout', // SQLite: locked by another process
  'ConnectionClosed',
  'DatabaseNotReachable',
  'TooManyConnections',
  'TlsConnectionError',
]);
/** SQLite: no space, no disk, not writable. PostgreSQL: connection, resources, timeouts, shutting down, read-only, disk. */
const unavailableCodes =
  /^(SQLITE_(FULL|IOERR|READONLY|CANTOPEN|LOCKED|NOMEM)|(08|53|57|58)...$|25006$|25P0[34]$|55P03$)/;
/** Errors that `pg` throws without a code. */
const unavailableMessages =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable/i;

/** Whether the database couldn't be reached or couldn't write (locked, full, gone): the same statement may succeed later. */
export const isUnavailable = (error: unknown): boolean => {
  const cause = driverCause(error);
  if (cause !== null) return unavailableKinds.has(cause.kind) || unavailableCodes.test(cause.originalCode ?? '');
  if (prismaCode(error) === 'P2028') return true; // a transaction couldn't start, or took too long
  return error instanceof Error && unavailableMessages.test(error.message);
};
