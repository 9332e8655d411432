/** Secrets that we make: 256 random bits behind a prefix that says what they are for. Only their hash is kept. */
import { createHash, randomBytes } from 'node:crypto';

export type SecretKind = 'ta' | 'tr';

/** `ta_…`: a machine's API token; `tr_…`: the refresh token of a session. */
export const newSecret = (kind: SecretKind): string => `${kind}_${randomBytes(32).toString('base64url')}`;

/** What is kept of a secret. One round will do: nobody guesses 256 bits. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');
