/** Generated secrets: 256 random bits after a prefix for their purpose. Only a hash of them is stored. */
import { createHash, randomBytes } from 'node:crypto';

type SecretKind = 'ta' | 'tr';

/** `ta_…`: an API token; `tr_…`: the refresh token of a session. */
export const newSecret = (kind: SecretKind): string => `${kind}_${randomBytes(32).toString('base64url')}`;

/** The hash to store of a secret. One round is enough, because nobody can guess 256 bits. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');
