/**
 * Connections to the providers that outlive pauses in a conversation. Node's `fetch` closes a connection after 4 s of idling, so nearly
 * every reply would first open two new ones, to the LLM and the TTS, at two or three round trips each.
 */
import { Agent, setGlobalDispatcher } from 'undici';

const idleMs = 120_000;
const connectTimeoutMs = 3_000;

/** Makes this process keep its HTTP connections open. Applies to the global `fetch`, which the plugins use. */
export const keepConnections = (): void => {
  setGlobalDispatcher(
    new Agent({
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: 2 * idleMs,
      connect: { timeout: connectTimeoutMs, keepAlive: true },
    }),
  );
};

/** Opens a connection to `baseUrl`, so that the first request doesn't have to. Never rejects. */
export const warmConnection = async (baseUrl: string): Promise<void> => {
  try {
    // The body is read because after a HEAD request or an unread body the connection is closed.
    await (await fetch(baseUrl, { signal: AbortSignal.timeout(connectTimeoutMs) })).arrayBuffer();
  } catch {
    // The first real request will report the error.
  }
};
