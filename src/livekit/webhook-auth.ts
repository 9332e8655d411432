/** Authenticates webhooks over their raw bytes, before anything is parsed (docs/contract.md, section 2). */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readToken } from './client.ts';

export type SignedRequest = Readonly<{
  body: Buffer;
  /** The `Authorization` header of LiveKit's webhooks: a JWT with the SHA-256 of the body. */
  authorization: string | undefined;
  /** `X-LiveKit-Signature: sha256=<hex>`, prefix optional: HMAC-SHA256 of the body, keyed with the API secret. */
  signature: string | undefined;
}>;

/** The headers that sign a JSON body, for our own commands. */
export const signatureHeaders = (body: string, apiSecret: string): Readonly<Record<string, string>> => ({
  'content-type': 'application/json',
  'x-livekit-signature': `sha256=${createHmac('sha256', apiSecret).update(body).digest('hex')}`,
});

const equal = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

const hasValidSignature = (request: SignedRequest, apiSecret: string): boolean => {
  const hex = request.signature?.trim().replace(/^sha256=/i, '') ?? '';
  if (!/^[0-9a-f]{64}$/i.test(hex)) return false;
  return equal(Buffer.from(hex, 'hex'), createHmac('sha256', apiSecret).update(request.body).digest());
};

const hasValidToken = async (request: SignedRequest, keys: { apiKey: string; apiSecret: string }): Promise<boolean> => {
  if (request.authorization === undefined) return false;
  const claims = await readToken(request.authorization.replace(/^Bearer\s+/i, ''), keys);
  if (typeof claims?.sha256 !== 'string') return false;
  return equal(Buffer.from(claims.sha256, 'base64'), createHash('sha256').update(request.body).digest());
};

/** Whether LiveKit, or anyone else with our API secret, signed the request. Always false for an empty secret. */
export const isAuthentic = async (
  request: SignedRequest,
  keys: { apiKey: string; apiSecret: string },
): Promise<boolean> =>
  keys.apiSecret !== '' && (hasValidSignature(request, keys.apiSecret) || (await hasValidToken(request, keys)));

/** `another_key`, `another_secret`: not signed with ours; `altered`: signed with ours, but expired or for another body. */
export const unprovenKinds = ['another_key', 'another_secret', 'altered'] as const;

/** Why authentication failed. `issuer` is the API key named in the token, null if it doesn't look like one. */
export type Unproven = Readonly<{ kind: (typeof unprovenKinds)[number]; issuer: string | null }>;

/**
 * Explains why a request that isn't authentic failed, for diagnosis only: anyone can send such a token, so nothing may depend on it.
 * @returns null if the request doesn't have the form of a LiveKit webhook
 */
export const explainUnproven = (
  request: SignedRequest,
  keys: Readonly<{ apiKey: string; apiSecret: string }>,
): Unproven | null => {
  const [, header, claims, signature] =
    /^(?:Bearer\s+)?([\w-]+)\.([\w-]+)\.([\w-]+)$/i.exec(request.authorization ?? '') ?? [];
  if (header === undefined || claims === undefined || signature === undefined) return null;
  const { iss, sha256 } = claimsOf(claims);
  if (typeof iss !== 'string' || typeof sha256 !== 'string') return null;
  const issuer = /^[\w-]{1,64}$/.test(iss) ? iss : null;
  if (iss !== keys.apiKey) return { kind: 'another_key', issuer };
  const expected = createHmac('sha256', keys.apiSecret).update(`${header}.${claims}`).digest();
  return { kind: equal(Buffer.from(signature, 'base64url'), expected) ? 'altered' : 'another_secret', issuer };
};

const claimsOf = (encoded: string): Readonly<Record<string, unknown>> => {
  try {
    const claims: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? { ...claims } : {};
  } catch {
    return {}; // not JSON, so not from LiveKit
  }
};
