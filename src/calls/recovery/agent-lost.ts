/** A call host went away before its call ended: the caller may still be on the line. */
import type { Context } from '../../context.ts';
import { isBeingTransferred } from '../call.ts';
import { isOpen } from '../lifecycle.ts';
import { releaseOwnership } from '../ownership-store.ts';
import { appendEvent, findCall } from '../store.ts';
import { recoverCall } from './watchdog.ts';

/** The agent of `jobId` is gone: its call is released, and another agent is dispatched at once. */
export const handleAgentLost = async (
  ctx: Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now' | 'config' | 'ownerId'>,
  callId: string,
  jobId: string,
): Promise<void> => {
  if (!(await releaseOwnership(ctx.db, callId, jobId))) return;
  await appendEvent(ctx.db, callId, 'agent_lost', { jobId });
  const call = await findCall(ctx.db, callId);
  if (call === null || !isOpen(call.status) || isBeingTransferred(call, ctx.now())) return;
  ctx.log.error({ callId, attempt: call.attempt }, 'call host lost');
  await recoverCall(ctx, call);
};
