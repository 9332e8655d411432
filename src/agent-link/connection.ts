/** One call host on the link: its messages are taken in order, and a host that falls silent is killed. */
import type { RawData, WebSocket } from 'ws';
import type { Background } from '../background.ts';
import { warmUpJobOf } from '../calls/agent-session/warm-up-calls.ts';
import { openAgentSession, type AgentSession } from '../calls/agent-session/agent-session.ts';
import type { Context } from '../context.ts';
import { describeError } from '../errors.ts';
import { fromCallHost, readMessage, type FromCallHost, type FromService } from '../protocol/messages.ts';

export type Connection = Readonly<{
  /** Whether the host waits for a call. */
  isReady: () => boolean;
  /** The call that the host runs; null before and after. */
  callId: () => string | null;
  pid: () => number | null;
  /** False when the host is gone. */
  send: (message: FromService) => boolean;
  /** Checks that the host lives. @param isForgiving whether a silence may be our own fault */
  ping: (isForgiving: boolean) => void;
  /** Settles once everything that was received has been handled. */
  settled: () => Promise<void>;
}>;

const silenceLimitMs = 5_000;

type State = {
  pid: number | null;
  isReady: boolean;
  lastHeardAt: number;
  /** When the host went away, by `performance.now()`; Infinity while it is there. */
  goneAt: number;
  queue: Promise<void>;
};

/** @param onChange called whenever the host becomes ready, gets a call, ends one or goes away */
export const openConnection = (
  ctx: Context,
  background: Background,
  socket: WebSocket,
  onChange: () => void,
): Connection => {
  const state: State = {
    pid: null,
    isReady: false,
    lastHeardAt: performance.now(),
    goneAt: Infinity,
    queue: Promise.resolve(),
  };
  const send = (message: FromService): boolean => {
    if (socket.readyState !== socket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  };
  const session = openAgentSession(ctx, { pid: () => state.pid, send, goneAt: () => state.goneAt });
  listen(ctx, background, socket, { state, session, send, onChange });
  return {
    isReady: () => state.isReady,
    callId: session.callId,
    pid: () => state.pid,
    send,
    ping: (isForgiving) => {
      if (isForgiving) state.lastHeardAt = performance.now();
      if (performance.now() - state.lastHeardAt > silenceLimitMs) killSilent(ctx, socket, state.pid, session.callId());
      else socket.ping();
    },
    settled: () => state.queue,
  };
};

type Wiring = Readonly<{
  state: State;
  session: AgentSession;
  send: (message: FromService) => boolean;
  onChange: () => void;
}>;

/** Handles one message after the other. */
const listen = (ctx: Context, background: Background, socket: WebSocket, wiring: Wiring): void => {
  const { state, session, onChange } = wiring;
  const inOrder = (task: () => Promise<void>): void => {
    state.queue = state.queue.then(task).catch((error: unknown) => {
      const who = { callId: session.callId(), pid: state.pid };
      ctx.log.error({ ...who, err: describeError(error) }, 'agent link: message not handled');
    });
    onChange();
  };
  const noteLife = (): void => {
    state.lastHeardAt = performance.now();
  };
  socket.on('pong', noteLife);
  socket.on('error', (error) =>
    ctx.log.error({ pid: state.pid, err: describeError(error) }, 'agent link: connection failed'),
  );
  socket.on('message', (data) => {
    noteLife();
    inOrder(() => handle(ctx, wiring, readMessage(fromCallHost, textOf(data))));
  });
  socket.once('close', () => {
    state.isReady = false;
    state.goneAt = performance.now();
    // After everything that the host still reported: perhaps its call has ended.
    inOrder(session.lose);
    background.add('agent link: last messages', () => state.queue);
  });
};

const textOf = (data: RawData): string => (Buffer.isBuffer(data) ? data.toString('utf8') : '');

const handle = async (
  ctx: Context,
  { state, session, send, onChange }: Wiring,
  message: FromCallHost,
): Promise<void> => {
  switch (message.type) {
    case 'hello': {
      const { deepgram, openai, log } = ctx.config;
      state.pid = message.pid;
      send({ type: 'init', providers: { deepgram, openai }, log, warmUpJob: warmUpJobOf(ctx) });
      return;
    }
    case 'ready':
      state.isReady = true;
      break;
    case 'claim':
      state.isReady = false;
      await session.claim(message.claim);
      break;
    case 'agent_event':
      await session.record(message.event);
  }
  onChange();
};

/** A host that doesn't answer is killed, lest it come back beside its successor. */
const killSilent = (ctx: Context, socket: WebSocket, pid: number | null, callId: string | null): void => {
  ctx.log.error({ pid, callId }, 'agent link: silent call host killed');
  if (pid !== null) killIfAlive(pid);
  socket.terminate();
};

const killIfAlive = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!isGone) throw error;
  }
};
