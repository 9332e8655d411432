/**
 * One agent on one call, as the service sees it: what its call host reports is recorded in order, and when the host goes away its call
 * is given to another agent.
 */
import type { Context } from '../../context.ts';
import { isUnavailable } from '../../database/driver-errors.ts';
import { describeError } from '../../errors.ts';
import type { AgentEvent, Claim, FromService } from '../../protocol/messages.ts';
import type { Call } from '../call.ts';
import { transferCaller } from '../control/transfer-caller.ts';
import { releaseOwnership } from '../ownership-store.ts';
import { handleAgentLost } from '../recovery/agent-lost.ts';
import { callInAgent } from '../recovery/call-in-agent.ts';
import { appendEvent } from '../store.ts';
import { claimCall, waitMessageOf, type ClaimOutcome } from './claim-call.ts';
import { recordAgentEvent } from './record-agent-event.ts';

/** The call host at the other end of the link. */
type CallHost = Readonly<{
  pid: () => number | null;
  /** False when the host is gone. */
  send: (message: FromService) => boolean;
  /** When the host went away, by `performance.now()`; Infinity while it is there. */
  goneAt: () => number;
}>;

/** To be called one after the other, each once the one before has settled. */
export type AgentSession = Readonly<{
  /** The call that the agent is on; null before and after. */
  callId: () => string | null;
  claim: (claim: Claim) => Promise<void>;
  record: (event: AgentEvent) => Promise<void>;
  /** The host is gone, and everything it reported has been recorded. */
  lose: () => Promise<void>;
}>;

type Current = Readonly<{ call: Call; jobId: string }>;
type Session = { current: Current | null };

/** How long the database is tried before an event is given up, or the claim of a host that is gone. */
const keepTryingMs = 60_000;
const tryEveryMs = 500;
/** How long a claim may take before the caller is asked to wait. */
const waitAfterMs = 1_500;

export const openAgentSession = (ctx: Context, host: CallHost): AgentSession => {
  const session: Session = { current: null };
  return {
    callId: () => session.current?.call.id ?? null,
    claim: async (claim) => {
      try {
        await takeClaim(ctx, session, host, claim);
      } catch (error) {
        // Without a result the host would wait forever. The watchdog looks after its caller.
        host.send({ type: 'claim_result', result: { kind: 'leave', reason: 'claim_failed' } });
        throw error;
      }
    },
    record: (event) => takeAgentEvent(ctx, session, host, event),
    lose: async () => {
      const { current } = session;
      session.current = null;
      if (current !== null) await handleAgentLost(ctx, current.call.id, current.jobId);
    },
  };
};

const takeClaim = async (ctx: Context, session: Session, host: CallHost, claim: Claim): Promise<void> => {
  const first = await claimInTime(ctx, host, claim);
  const outcome = first.kind === 'other_agent' ? await afterCallingIn(ctx, claim, first) : first;
  switch (outcome.kind) {
    case 'job':
      // A host that is gone took the caller along, or the watchdog looks after them.
      if (!host.send({ type: 'claim_result', result: { kind: 'job', job: outcome.job } }))
        return void (await releaseOwnership(ctx.db, outcome.call.id, claim.jobId));
      session.current = { call: outcome.call, jobId: claim.jobId };
      return;
    case 'refused':
      await ctx.livekit.removeParticipant(claim.room, claim.caller.identity);
      host.send({ type: 'claim_result', result: { kind: 'leave', reason: outcome.reason } });
      return ctx.livekit.deleteRoom(claim.room);
    case 'taken':
    case 'other_agent':
      host.send({ type: 'claim_result', result: { kind: 'leave', reason: outcome.kind } });
  }
};

/**
 * While the database is away the caller hears a sentence that asks them to wait; without it their phone keeps ringing. A caller who
 * hangs up less than a minute before it is back still gets a record, dated when they called.
 */
const claimInTime = async (ctx: Context, host: CallHost, claim: Claim): Promise<ClaimOutcome> => {
  const cameAt = ctx.now();
  const timer = setTimeout(() => {
    const message = waitMessageOf(ctx);
    if (message !== null) host.send({ type: 'wait', ...message });
  }, waitAfterMs);
  try {
    return await persist(
      ctx,
      () => claimCall(ctx, claim, { insist: false, cameAt }),
      () => host.goneAt() + keepTryingMs,
    );
  } finally {
    clearTimeout(timer);
  }
};

const afterCallingIn = async (
  ctx: Context,
  claim: Claim,
  other: Extract<ClaimOutcome, { kind: 'other_agent' }>,
): Promise<ClaimOutcome> => {
  const isThere = await callInAgent(ctx, other.call, other.agentName, claim.agentIdentity);
  return isThere ? other : claimCall(ctx, claim, { insist: true, cameAt: ctx.now() });
};

const takeAgentEvent = async (ctx: Context, session: Session, host: CallHost, event: AgentEvent): Promise<void> => {
  const { current } = session;
  if (current === null) {
    if (event.kind !== 'failure') throw new Error(`an agent event (${event.kind}) without a call`);
    const { part, detail } = event;
    ctx.log.error({ pid: host.pid(), part, detail }, 'failure in a call host without a call');
    return;
  }
  const until = performance.now() + keepTryingMs;
  await persist(
    ctx,
    () => recordAgentEvent(ctx, current.call, event),
    () => until,
  );
  // Later events wait, the end included: the room stays until the transfer's outcome is known.
  if (event.kind === 'transfer_requested') return transfer(ctx, host, current.call, event);
  if (event.kind !== 'ended') return;
  session.current = null;
  await ctx.livekit.deleteRoom(current.call.roomName).finally(() => host.send({ type: 'done' }));
};

const transfer = async (
  ctx: Context,
  host: CallHost,
  call: Call,
  { destination, cause }: Extract<AgentEvent, { kind: 'transfer_requested' }>,
): Promise<void> => {
  if (cause === 'fallback') await appendEvent(ctx.db, call.id, 'fallback', { reason: 'agent_error', how: 'transfer' });
  if ((await transferCaller(ctx, call.id, { destination, cause })) === 'taken_over') return;
  // The agent knows what to say.
  host.send(cause === 'fallback' ? { type: 'end', say: null, reason: 'agent_error' } : { type: 'resume' });
};

/** Nothing is lost while the database is away: what the host reports waits, and so does everything after it. */
const persist = async <T>(ctx: Context, save: () => Promise<T>, until: () => number): Promise<T> => {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await save();
    } catch (error) {
      if (!isUnavailable(error) || performance.now() > until()) throw error;
      if (isFirst) ctx.log.error({ err: describeError(error) }, 'database unavailable: a call host waits');
      await new Promise((resolve) => setTimeout(resolve, tryEveryMs));
    }
  }
};
