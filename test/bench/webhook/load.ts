/** Signed sip-inbound requests, sent as fast as the connections allow or at a fixed rate. */
import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '#src/database/open.ts';
import { keys } from '#test/support/signed.ts';

/**
 * Tenants with a campaign and a number each. Over so many, and so many callers, the requests of a round stay below the shipped limits of
 * 100 open calls for a tenant and 20 calls a minute for a caller.
 */
const tenants = 500;
const callers = 20_000;
const path = '/api/v1/webhooks/livekit/sip-inbound';
const requestTimeoutMs = 10_000;

const numberOf = (n: number): string => `+1858879${String(1_000 + (n % tenants))}`;

export const seedTenants = async (db: Db): Promise<void> => {
  const indices = Array.from({ length: tenants }, (_, n) => n);
  const tenantId = (n: number): string => `load-tenant-${n}`;
  const campaignId = (n: number): string => `load-campaign-${n}`;
  await db.tenant.createMany({ data: indices.map((n) => ({ id: tenantId(n), name: `Tenant ${n}` })) });
  await db.agent.createMany({
    data: indices.map((n) => ({ tenantId: tenantId(n), name: 'house-agent', isDefault: true })),
  });
  await db.campaign.createMany({
    data: indices.map((n) => ({
      ...{ id: campaignId(n), tenantId: tenantId(n), name: 'Front desk', status: 'active' as const },
      maxConcurrent: 100,
    })),
  });
  await db.phoneNumber.createMany({
    data: indices.map((n) => ({ number: numberOf(n), tenantId: tenantId(n), campaignId: campaignId(n) })),
  });
};

const bodyOf = (n: number): string =>
  JSON.stringify({
    call_id: `SIP-${randomUUID()}`,
    trunk_id: 'ST_inbound',
    from_number: `+1555${String(1_000_000 + (n % callers))}`,
    to_number: numberOf(n),
    room_name: `sip-room-${randomUUID()}`,
  });

const send = (agent: Agent, port: number, payload: string): Promise<number> => {
  const signature = createHmac('sha256', keys.apiSecret).update(payload).digest('hex');
  const headers = { 'content-type': 'application/json', 'x-livekit-signature': `sha256=${signature}` };
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const options = { host: '127.0.0.1', port, path, method: 'POST', agent, headers, timeout: requestTimeoutMs };
  const sent = request(options, (response) => {
    response.resume();
    response.once('end', () => resolve(response.statusCode ?? 0));
    response.once('error', reject);
  });
  sent.once('timeout', () => sent.destroy(new Error(`no response within ${requestTimeoutMs} ms`)));
  sent.once('error', reject);
  sent.end(payload);
  return promise;
};

export type Load = Readonly<{
  perSecond: number;
  latenciesMs: readonly number[];
  errors: Readonly<Record<string, number>>;
}>;

/** Counts what didn't end with 200: by status, or by the error where there was no response. */
const measureOne = async (
  agent: Agent,
  port: number,
  n: number,
  errors: Record<string, number>,
): Promise<number | null> => {
  const payload = bodyOf(n);
  const sentAt = performance.now();
  const outcome = await send(agent, port, payload).catch((error: Error) => error.message);
  if (outcome === 200) return performance.now() - sentAt;
  errors[outcome] = (errors[outcome] ?? 0) + 1;
  return null;
};

/**
 * Sends one request after the other over each connection. `perSecond` counts the requests that were answered with 200.
 * @param from the number of the first request: another one for each load of the same database
 */
export const loadFully = async (
  port: number,
  options: { connections: number; durationMs: number; from: number; signal: AbortSignal },
): Promise<Load> => {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  const latenciesMs: number[] = [];
  const errors: Record<string, number> = {};
  let n = options.from;
  const startedAt = performance.now();
  const connection = async (): Promise<void> => {
    while (performance.now() - startedAt < options.durationMs && !options.signal.aborted) {
      const ms = await measureOne(agent, port, n++, errors);
      if (ms !== null) latenciesMs.push(ms);
    }
  };
  await Promise.all(Array.from({ length: options.connections }, connection));
  agent.destroy();
  options.signal.throwIfAborted();
  return { perSecond: (latenciesMs.length / (performance.now() - startedAt)) * 1000, latenciesMs, errors };
};

/** Sends at a fixed rate, whether or not the previous request was answered, until it is stopped. */
export const loadSteadily = (port: number, perSecond: number): Readonly<{ stop: () => Promise<Load> }> => {
  const agent = new Agent({ keepAlive: true });
  const latenciesMs: number[] = [];
  const errors: Record<string, number> = {};
  const open = new Set<Promise<void>>();
  const stopping = new AbortController();
  const startedAt = performance.now();
  const sendAll = async (): Promise<void> => {
    for (let n = 0; !stopping.signal.aborted; n += 1) {
      const one: Promise<void> = measureOne(agent, port, n, errors)
        .then((ms) => void (ms !== null && latenciesMs.push(ms)))
        .finally(() => open.delete(one));
      open.add(one);
      await sleep(Math.max(0, startedAt + ((n + 1) * 1000) / perSecond - performance.now()));
    }
  };
  const sending = sendAll();
  const stop = async (): Promise<Load> => {
    stopping.abort();
    await sending;
    await Promise.all(open);
    agent.destroy();
    return { perSecond: (latenciesMs.length / (performance.now() - startedAt)) * 1000, latenciesMs, errors };
  };
  return { stop };
};

export const countErrors = ({ errors }: Load): number => Object.values(errors).reduce((sum, count) => sum + count, 0);
