/**
 * The service's end of the agent link: a WebSocket server on a Unix socket, to which every call host of this machine is connected. A
 * connection that breaks means that its host has died.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import type { Background } from '../background.ts';
import type { Context } from '../context.ts';
import type { FromService } from '../protocol/messages.ts';
import { openConnection, type Connection } from './connection.ts';

export type AgentLink = Readonly<{
  /** The socket's path, which a call host needs to know. */
  path: string;
  /** How many call hosts wait for a call. */
  ready: () => number;
  /** How many calls run now. */
  activeCalls: () => number;
  /** The process that runs a call; null when none of this machine does. */
  pidOf: (callId: string) => number | null;
  /** Sends a message to the host of a call. False when no host of this machine runs it. */
  send: (callId: string, message: FromService) => boolean;
  [Symbol.asyncDispose]: () => Promise<void>;
}>;

const pingEveryMs = 1_000;
const largestMessageBytes = 1_000_000;

/** Opens the link. `onChange` is called whenever a host becomes ready, gets a call, ends one or goes away. */
export const openAgentLink = async (ctx: Context, background: Background, onChange: () => void): Promise<AgentLink> => {
  // A path of a Unix socket has room for about 100 characters.
  const folder = await mkdtemp(join(tmpdir(), 'ta-'));
  await chmod(folder, 0o700);
  const path = join(folder, 'link');
  const server = createServer();
  const sockets = new WebSocketServer({ server, maxPayload: largestMessageBytes });
  const connections = new Set<Connection>();
  sockets.on('connection', (socket) => {
    const connection = openConnection(ctx, background, socket, onChange);
    connections.add(connection);
    socket.once('close', () => {
      connections.delete(connection);
      onChange();
    });
  });
  await listen(server, path);
  const stopPings = pingAll(connections);
  const hostOf = (callId: string) => [...connections].find((connection) => connection.callId() === callId);
  return {
    path,
    ready: () => [...connections].filter((connection) => connection.isReady()).length,
    activeCalls: () => [...connections].filter((connection) => connection.callId() !== null).length,
    pidOf: (callId) => hostOf(callId)?.pid() ?? null,
    send: (callId, message) => hostOf(callId)?.send(message) ?? false,
    [Symbol.asyncDispose]: async () => {
      stopPings();
      for (const client of sockets.clients) client.terminate();
      await Promise.all([...connections].map((connection) => connection.settled()));
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });

/** Pings every host. A host's silence isn't held against it when this process itself stood still. */
const pingAll = (connections: ReadonlySet<Connection>): (() => void) => {
  let last = performance.now();
  const timer = setInterval(() => {
    const stalledMs = performance.now() - last - pingEveryMs;
    last = performance.now();
    for (const connection of connections) connection.ping(stalledMs > pingEveryMs);
  }, pingEveryMs);
  return () => clearInterval(timer);
};
