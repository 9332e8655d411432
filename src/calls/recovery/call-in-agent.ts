/** Routing says another agent than ours: it is called into the room, and the call is its own once it is there. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../context.ts';
import { sipInboundAnswerOf } from '../answer.ts';
import type { Call } from '../call.ts';
import { recordFact } from '../record-fact.ts';
import { appendEvent, findCall } from '../store.ts';

/** The other agent has this long; then we take the call ourselves. */
const patienceMs = 3_000;
const lookEveryMs = 200;
/** An agent of another process of ours claims its call within this long after it came into the room. */
const claimGraceMs = 1_000;

/** Calls the agent into the room. True once it is there; false where it didn't come in time. */
export const callInAgent = async (
  ctx: Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now'>,
  call: Call,
  agentName: string,
  ownIdentity: string,
): Promise<boolean> => {
  await ctx.livekit.dispatch(call.roomName, agentName, sipInboundAnswerOf(call, agentName).metadata);
  const until = ctx.now().getTime() + patienceMs;
  while (ctx.now().getTime() < until) {
    await sleep(lookEveryMs);
    const members = (await ctx.livekit.members(call.roomName)) ?? [];
    if (!members.some(({ kind, identity }) => kind === 'agent' && identity !== ownIdentity)) continue;
    await recordAgentCalledIn(ctx, call, agentName);
    return true;
  }
  ctx.log.warn({ callId: call.id, agentName }, 'the other agent did not come');
  await appendEvent(ctx.db, call.id, 'agent_call_in_failed', { agentName });
  return false;
};

/** An agent that isn't ours tells us nothing: that it is there is all that we know of its answering. */
const recordAgentCalledIn = async (
  ctx: Pick<Context, 'db' | 'log' | 'feed' | 'now'>,
  call: Call,
  agentName: string,
): Promise<void> => {
  const at = ctx.now();
  await appendEvent(ctx.db, call.id, 'agent_called_in', { agentName });
  await sleep(claimGraceMs);
  const later = await findCall(ctx.db, call.id);
  if (later?.ownerId === null) await recordFact(ctx, call.id, { kind: 'answered', at });
};
