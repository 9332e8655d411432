/** Who may call our webhooks: proof of origin over the raw bytes, before anything is parsed (contract, section 2). */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readToken } from './client.ts';

export type SignedRequest = Readonly<{
  body: Buffer;
  /** LiveKit's own: a JWT with the sha256 of the body. */
  authorization: string | undefined;
  /** `sha256=<hex>`, prefix optional: HMAC-SHA256 of the body, keyed with the API secret. */
  signature: string | undefined;
}>;

/** The headers with which our own commands prove a body: the contract's signature. */
export const signatureOf = (body: string, apiSecret: string): Readonly<Record<string, string>> => ({
  'content-type': 'application/json',
  'x-livekit-signature': `sha256=${createHmac('sha256', apiSecret).update(body).digest('hex')}`,
});

const equal = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

const provenBySignature = (request: SignedRequest, apiSecret: string): boolean => {
  const hex = request.signature?.trim().replace(/^sha256=/i, '') ?? '';
  if (!/^[0-9a-f]{64}$/i.test(hex)) return false;
  return equal(Buffer.from(hex, 'hex'), createHmac('sha256', apiSecret).update(request.body).digest());
};

const provenByToken = async (request: SignedRequest, keys: { apiKey: string; apiSecret: string }): Promise<boolean> => {
  if (request.authorization === undefined) return false;
  const claims = await readToken(request.authorization.replace(/^Bearer\s+/i, ''), keys);
  if (typeof claims?.sha256 !== 'string') return false;
  return equal(Buffer.from(claims.sha256, 'base64'), createHash('sha256').update(request.body).digest());
};

/** Whether a request comes from LiveKit, or from somebody who has our API secret. An empty secret proves nothing. */
export const isProven = async (request: SignedRequest, keys: { apiKey: string; apiSecret: string }): Promise<boolean> =>
  keys.apiSecret !== '' && (provenBySignature(request, keys.apiSecret) || (await provenByToken(request, keys)));

/** `another_key`, `another_secret`: who signed has another than we; `altered`: ours, but it is too old, or of another body. */
export const unprovenKinds = ['another_key', 'another_secret', 'altered'] as const;

/** What LiveKit's own proof was like, that proved nothing; `issuer` is the key that it names, where that looks like one. */
export type Unproven = Readonly<{ kind: (typeof unprovenKinds)[number]; issuer: string | null }>;

/**
 * Why a request that proves nothing doesn't, where it has the form of LiveKit's webhooks; null: it hasn't. Anybody may write such
 * a token: this is for the person who looks for the reason, and nothing may follow from it.
 */
export const whyUnproven = (
  request: SignedRequest,
  keys: Readonly<{ apiKey: string; apiSecret: string }>,
): Unproven | null => {
  const [, head, claims, proof] =
    /^(?:Bearer\s+)?([\w-]+)\.([\w-]+)\.([\w-]+)$/i.exec(request.authorization ?? '') ?? [];
  if (head === undefined || claims === undefined || proof === undefined) return null;
  const { iss, sha256 } = claimsOf(claims);
  if (typeof iss !== 'string' || typeof sha256 !== 'string') return null;
  const issuer = /^[\w-]{1,64}$/.test(iss) ? iss : null;
  if (iss !== keys.apiKey) return { kind: 'another_key', issuer };
  const expected = createHmac('sha256', keys.apiSecret).update(`${head}.${claims}`).digest();
  return { kind: equal(Buffer.from(proof, 'base64url'), expected) ? 'altered' : 'another_secret', issuer };
};

const claimsOf = (encoded: string): Readonly<Record<string, unknown>> => {
  try {
    const claims: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? { ...claims } : {};
  } catch {
    return {}; // not JSON: not LiveKit's
  }
};
