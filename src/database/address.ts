/** DATABASE_URL: which kind of database it names, and where an SQLite file lies. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export type DatabaseKind = 'sqlite' | 'postgres';

export const databaseKind = (databaseUrl: string): DatabaseKind =>
  databaseUrl.startsWith('file:') ? 'sqlite' : 'postgres';

/** The absolute path of `file:./dev.db` (relative to the working directory) or `file:///srv/dev.db`. */
export const databaseFile = (databaseUrl: string): string => {
  const [address = ''] = databaseUrl.split('?');
  return address.startsWith('file://') ? fileURLToPath(address) : resolve(address.slice('file:'.length));
};
