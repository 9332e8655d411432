/** One call process on the link: what it says is taken in order, and what it holds is released when it goes away. */
import type { WebSocket } from 'ws';
import type { Background } from '../background.ts';
import { claimCall, waitingWords, type ClaimOutcome } from '../calls/agent-session/claim-call.ts';
import { handOver } from '../calls/recovery/call-in-agent.ts';
import { releaseCall } from '../calls/ownership-store.ts';
import { loseAgent } from '../calls/recovery/agent-lost.ts';
import { recordHappening } from '../calls/agent-session/record-agent-event.ts';
import { appendEvent } from '../calls/store.ts';
import { transferCaller } from '../calls/control/transfer-caller.ts';
import type { Call } from '../calls/call.ts';
import type { Context } from '../context.ts';
import { isUnavailable } from '../database/driver-errors.ts';
import { describeError } from '../errors.ts';
import {
  fromCallProcess,
  readMessage,
  type Claim,
  type FromCallProcess,
  type FromService,
  type Happening,
} from '../protocol/messages.ts';

export type Connection = Readonly<{
  isReady: () => boolean;
  /** The call that the process holds; null before and after. */
  callId: () => string | null;
  pid: () => number | null;
  send: (message: FromService) => boolean;
  /** Checks that the process lives; `isForgiving` where a silence may be our own fault. */
  ping: (isForgiving: boolean) => void;
  /** When everything that was said is taken in. */
  settled: () => Promise<void>;
}>;

const silenceLimitMs = 5_000;
/** The database is tried again for so long before a happening is given up, or the call of a process that is gone. */
const keepTryingMs = 60_000;
/** Before a caller is asked to wait. */
const waitAfterMs = 1_500;

type State = {
  pid: number | null;
  isReady: boolean;
  held: { call: Call; jobId: string } | null;
  lastHeardAt: number;
  /** When the process went away, by `performance.now()`; Infinity: it is there. */
  goneAt: number;
  queue: Promise<void>;
};

export const openConnection = (
  ctx: Context,
  background: Background,
  socket: WebSocket,
  onChange: () => void,
): Connection => {
  const state: State = {
    pid: null,
    isReady: false,
    held: null,
    lastHeardAt: performance.now(),
    goneAt: Infinity,
    queue: Promise.resolve(),
  };
  const send = (message: FromService): boolean => {
    if (socket.readyState !== socket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  };
  listen(ctx, background, socket, { state, send, onChange });
  return {
    isReady: () => state.isReady,
    callId: () => state.held?.call.id ?? null,
    pid: () => state.pid,
    send,
    ping: (isForgiving) => {
      if (isForgiving) state.lastHeardAt = performance.now();
      if (performance.now() - state.lastHeardAt > silenceLimitMs) killSilent(ctx, state, socket);
      else socket.ping();
    },
    settled: () => state.queue,
  };
};

type Wiring = Readonly<{ state: State; send: Send; onChange: () => void }>;

/** Takes what the process says, one thing after the other. */
const listen = (ctx: Context, background: Background, socket: WebSocket, { state, send, onChange }: Wiring): void => {
  const inOrder = (task: () => Promise<void>): void => {
    state.queue = state.queue.then(task).catch((error: unknown) => {
      ctx.log.error({ callId: state.held?.call.id, pid: state.pid, error: describeError(error) }, 'link: task failed');
    });
    onChange();
  };
  const heard = (): void => {
    state.lastHeardAt = performance.now();
  };
  socket.on('pong', heard);
  socket.on('error', (error) =>
    ctx.log.error({ pid: state.pid, error: describeError(error) }, 'link: connection failed'),
  );
  socket.on('message', (data) => {
    heard();
    const text = Buffer.isBuffer(data) ? data.toString('utf8') : '';
    inOrder(() => take(ctx, state, send, readMessage(fromCallProcess, text), onChange));
  });
  socket.once('close', () => {
    state.isReady = false;
    state.goneAt = performance.now();
    // After everything that the process still said: perhaps it told its end.
    inOrder(() => release(ctx, state));
    background.add('link: last words', () => state.queue);
  });
};

const release = async (ctx: Context, state: State): Promise<void> => {
  const { held } = state;
  state.held = null;
  if (held !== null) await loseAgent(ctx, held.call.id, held.jobId);
};

/** A process that doesn't answer is as good as dead: make it so, lest it comes back beside its successor. */
const killSilent = (ctx: Context, state: State, socket: WebSocket): void => {
  ctx.log.error({ pid: state.pid, callId: state.held?.call.id }, 'link: silent call process killed');
  if (state.pid !== null) killIfAlive(state.pid);
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

type Send = (message: FromService) => boolean;

const take = async (
  ctx: Context,
  state: State,
  send: Send,
  message: FromCallProcess,
  onChange: () => void,
): Promise<void> => {
  switch (message.type) {
    case 'hello': {
      const { deepgram, openai, log } = ctx.config;
      state.pid = message.pid;
      send({ type: 'welcome', providers: { deepgram, openai }, log });
      return;
    }
    case 'ready':
      state.isReady = true;
      onChange();
      return;
    case 'claim':
      state.isReady = false;
      try {
        await takeClaim(ctx, state, send, message.claim);
      } catch (error) {
        // Without a verdict the process would wait for ever. Its caller is looked after by attendCalls.
        send({ type: 'verdict', verdict: { kind: 'leave', reason: 'claim_failed' } });
        throw error;
      }
      onChange();
      return;
    case 'happening':
      await takeHappening(ctx, state, send, message.happening);
      onChange();
      return;
  }
};

const takeClaim = async (ctx: Context, state: State, send: Send, claim: Claim): Promise<void> => {
  const first = await claimInTime(ctx, state, send, claim);
  const outcome = first.kind === 'other_agent' ? await afterHandOver(ctx, claim, first) : first;
  switch (outcome.kind) {
    case 'job':
      // Who is gone meanwhile took the caller along, or attendCalls looks after them.
      if (!send({ type: 'verdict', verdict: { kind: 'job', job: outcome.job } }))
        return void (await releaseCall(ctx.db, outcome.call.id, claim.jobId));
      state.held = { call: outcome.call, jobId: claim.jobId };
      return;
    case 'refused':
      await ctx.livekit.removeParticipant(claim.room, claim.caller.identity);
      send({ type: 'verdict', verdict: { kind: 'leave', reason: outcome.reason } });
      return ctx.livekit.deleteRoom(claim.room);
    case 'taken':
    case 'other_agent':
      send({ type: 'verdict', verdict: { kind: 'leave', reason: outcome.kind } });
  }
};

/**
 * While the database is away the caller waits, and hears so; without the words their phone rings on. Who hangs up less than a minute
 * before it is back has a record all the same, of when they came.
 */
const claimInTime = async (ctx: Context, state: State, send: Send, claim: Claim): Promise<ClaimOutcome> => {
  const cameAt = ctx.now();
  const timer = setTimeout(() => {
    const words = waitingWords(ctx);
    if (words !== null) send({ type: 'wait', ...words });
  }, waitAfterMs);
  try {
    return await persist(
      ctx,
      () => claimCall(ctx, claim, { insist: false, cameAt }),
      () => state.goneAt + keepTryingMs,
    );
  } finally {
    clearTimeout(timer);
  }
};

const afterHandOver = async (
  ctx: Context,
  claim: Claim,
  other: Extract<ClaimOutcome, { kind: 'other_agent' }>,
): Promise<ClaimOutcome> => {
  const isThere = await handOver(ctx, other.call, other.agentName, claim.agentIdentity);
  return isThere ? other : claimCall(ctx, claim, { insist: true, cameAt: ctx.now() });
};

const takeHappening = async (ctx: Context, state: State, send: Send, happening: Happening): Promise<void> => {
  const { held } = state;
  if (held === null && happening.kind === 'trouble') {
    ctx.log.error(
      { pid: state.pid, part: happening.part, detail: happening.detail },
      'trouble in a call process without a call',
    );
    return;
  }
  if (held === null) throw new Error(`a happening (${happening.kind}) without a call`);
  const until = performance.now() + keepTryingMs;
  await persist(
    ctx,
    () => recordHappening(ctx, held.call, happening),
    () => until,
  );
  // What the process tells meanwhile waits, its end too: the room stays until it is known how the transfer went.
  if (happening.kind === 'transfer_asked') return transfer(ctx, send, held.call, happening);
  if (happening.kind !== 'ended') return;
  state.held = null;
  await ctx.livekit.deleteRoom(held.call.roomName).finally(() => send({ type: 'farewell' }));
};

const transfer = async (
  ctx: Context,
  send: Send,
  call: Call,
  { destination, cause }: Extract<Happening, { kind: 'transfer_asked' }>,
): Promise<void> => {
  if (cause === 'fallback') await appendEvent(ctx.db, call.id, 'fallback', { reason: 'agent_error', how: 'transfer' });
  if ((await transferCaller(ctx, call.id, { destination, cause })) === 'taken_over') return;
  // The agent knows what to say.
  send(cause === 'fallback' ? { type: 'end', say: null, reason: 'agent_error' } : { type: 'resume' });
};

/** A database that is away for a while loses nothing: what the process says waits, and with it all that follows. */
const persist = async <T>(ctx: Context, save: () => Promise<T>, until: () => number): Promise<T> => {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await save();
    } catch (error) {
      if (!isUnavailable(error) || performance.now() > until()) throw error;
      if (isFirst) ctx.log.error({ error: describeError(error) }, 'database unavailable: a call process waits');
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
};
