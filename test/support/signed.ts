/** Signed requests, as LiveKit and carriers send them. */
import { createHash, createHmac } from 'node:crypto';
import { AccessToken } from 'livekit-server-sdk';

export const keys = { apiKey: 'APItest', apiSecret: 'a-test-secret-that-is-long-enough-for-livekit' } as const;

/** The headers of the contract's own signature scheme. */
export const signature = (body: string, secret: string = keys.apiSecret): Record<string, string> => ({
  'content-type': 'application/json',
  'x-livekit-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
});

/** The headers of LiveKit's webhooks. */
export const livekitHeaders = async (
  body: string,
  options: { key?: string; secret?: string; sha256?: string; ttl?: number } = {},
): Promise<Record<string, string>> => {
  const token = new AccessToken(options.key ?? keys.apiKey, options.secret ?? keys.apiSecret, {
    ttl: options.ttl ?? 300,
  });
  token.sha256 = options.sha256 ?? createHash('sha256').update(body).digest('base64');
  return { 'content-type': 'application/webhook+json', authorization: await token.toJwt() };
};
