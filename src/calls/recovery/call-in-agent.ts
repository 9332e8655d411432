/** Routing chose an agent other than ours: it is called into the room, and has the call once it is there. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../context.ts';
import { sipInboundAnswerOf } from '../answer.ts';
import type { Call } from '../call.ts';
import { recordFact } from '../record-fact.ts';
import { appendEvent, findCall } from '../store.ts';

/** How long the other agent may take; then ours takes the call. */
const otherAgentTimeoutMs = 3_000;
const pollEveryMs = 200;
/** An agent of another service of ours claims its call within this time after it joined. */
const claimGraceMs = 1_000;

/** Calls the agent into the room. True once it is there; false if it didn't come in time. */
export const callInAgent = async (
  ctx: Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now'>,
  call: Call,
  agentName: string,
  ownIdentity: string,
): Promise<boolean> => {
  await ctx.livekit.dispatch(call.roomName, agentName, sipInboundAnswerOf(call, agentName).metadata);
  const until = ctx.now().getTime() + otherAgentTimeoutMs;
  while (ctx.now().getTime() < until) {
    await sleep(pollEveryMs);
    const members = (await ctx.livekit.members(call.roomName)) ?? [];
    if (!members.some(({ kind, identity }) => kind === 'agent' && identity !== ownIdentity)) continue;
    await recordAgentCalledIn(ctx, call, agentName);
    return true;
  }
  ctx.log.warn({ callId: call.id, agentName }, 'the other agent did not come');
  await appendEvent(ctx.db, call.id, 'agent_call_in_failed', { agentName });
  return false;
};

/** An agent that isn't ours reports nothing: that it joined is all we know of its answering. */
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
