/**
 * The parent's side of the link: a WebSocket server on a Unix socket, to which every call process of this machine is connected. A
 * connection that breaks is a call process that died.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { leaseMs } from '../calls/agent-session/claim-call.ts';
import { takeCommands, type Command } from '../calls/control/command-store.ts';
import { renewLeases } from '../calls/ownership-store.ts';
import { appendEvent } from '../calls/store.ts';
import type { Background } from '../background.ts';
import type { Context } from '../context.ts';
import { openConnection, type Connection } from './connection.ts';
import type { FromService } from '../protocol/messages.ts';

export type LinkServer = Readonly<{
  /** The socket's path: what a call process needs to know. */
  path: string;
  /** How many call processes wait for a call, ready. */
  ready: () => number;
  /** How many calls are held now. */
  activeCalls: () => number;
  /** The process that holds a call; null where none of this machine does. */
  pidOf: (callId: string) => number | null;
  /** Says a sentence on a call, or ends it politely. False where this process doesn't have the call. */
  say: (callId: string, text: string) => boolean;
  end: (callId: string, text: string | null) => boolean;
  [Symbol.asyncDispose]: () => Promise<void>;
}>;

const pingEveryMs = 1_000;
const renewEveryMs = 5_000;
const commandsEveryMs = 300;

/** Opens the link. `onChange` is called whenever a process became ready, got a call, or went away. */
export const openLink = async (ctx: Context, background: Background, onChange: () => void): Promise<LinkServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'ta-'));
  await chmod(folder, 0o700);
  const path = join(folder, 'link');
  const server = createServer();
  const sockets = new WebSocketServer({ server, maxPayload: 1_000_000 });
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
  const stopPings = watch(connections);
  background.every('renew leases', renewEveryMs, () =>
    renewLeases(ctx.db, ctx.ownerId, new Date(ctx.now().getTime() + leaseMs)),
  );
  background.every('take commands', commandsEveryMs, () => giveCommands(ctx, connections));
  const ofCall = (callId: string) => connectionOf(connections, callId);
  return {
    path,
    ready: () => [...connections].filter((connection) => connection.isReady()).length,
    activeCalls: () => [...connections].filter((connection) => connection.callId() !== null).length,
    pidOf: (callId) => ofCall(callId)?.pid() ?? null,
    say: (callId, text) => ofCall(callId)?.send({ type: 'say', text }) ?? false,
    end: (callId, text) => ofCall(callId)?.send({ type: 'end', say: text, reason: 'ended_by_service' }) ?? false,
    [Symbol.asyncDispose]: async () => {
      stopPings();
      for (const client of sockets.clients) client.terminate();
      await Promise.all([...connections].map((connection) => connection.settled()));
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const connectionOf = (connections: ReadonlySet<Connection>, callId: string): Connection | undefined =>
  [...connections].find((connection) => connection.callId() === callId);

/** What people ordered by the API, of whichever service, is given to the processes that hold the calls. */
const giveCommands = async (ctx: Context, connections: ReadonlySet<Connection>): Promise<void> => {
  if ([...connections].every((connection) => connection.callId() === null)) return;
  for (const command of await takeCommands(ctx.db, ctx.ownerId, ctx.now())) {
    const isGiven = connectionOf(connections, command.callId)?.send(messageOf(command)) ?? false;
    await appendEvent(ctx.db, command.callId, isGiven ? 'ordered' : 'order_lost', { order: command.type });
  }
};

const messageOf = ({ type, text }: Command): FromService => {
  switch (type) {
    case 'end':
      return { type: 'end', say: text, reason: 'ended_by_service' };
    case 'say':
      return { type: 'say', text: text ?? '' };
    case 'transfer':
      return { type: 'transfer', destination: text ?? '' };
  }
};

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });

/** Pings every connection; one that is silent for too long is dropped, unless it is we who stood still. */
const watch = (connections: ReadonlySet<Connection>): (() => void) => {
  let last = performance.now();
  const timer = setInterval(() => {
    const stalledMs = performance.now() - last - pingEveryMs;
    last = performance.now();
    for (const connection of connections) connection.ping(stalledMs > pingEveryMs);
  }, pingEveryMs);
  return () => clearInterval(timer);
};
