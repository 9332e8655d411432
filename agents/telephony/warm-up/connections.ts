/**
 * Connections to the providers that outlive the pauses of a conversation. Node's fetch closes one that was idle for 4 s: nearly every
 * reply would open two new ones first, to the model and to the voice, at two or three round trips each.
 */
import { Agent, setGlobalDispatcher } from 'undici';

const idleMs = 120_000;
const connectTimeoutMs = 3_000;

/** Makes this process keep its HTTP connections. The global `fetch`, which the plugins use, takes the same dispatcher. */
export const keepConnections = (): void => {
  setGlobalDispatcher(
    new Agent({
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: 2 * idleMs,
      connect: { timeout: connectTimeoutMs, keepAlive: true },
    }),
  );
};

/** Opens a connection to `baseUrl`, so that the first request finds one. Whether that succeeds shows with that request. */
export const warmConnection = async (baseUrl: string): Promise<void> => {
  try {
    // Read to its end: after a HEAD, or a body that was not read, the connection is closed.
    await (await fetch(baseUrl, { signal: AbortSignal.timeout(connectTimeoutMs) })).arrayBuffer();
  } catch {
    // The request that needs it will say why it can't be had.
  }
};
