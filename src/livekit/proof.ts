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
