/** A call process is gone before its call ended: the caller may still be on the line. */
import type { Context } from '../../context.ts';
import { redispatch } from './watchdog.ts';
import { isBeingTransferred } from '../call.ts';
import { releaseCall } from '../ownership-store.ts';
import { isOpen } from '../lifecycle.ts';
import { appendEvent, findCall } from '../store.ts';

/** The agent of `jobId` is gone: its call is released, and another agent is asked for at once. */
export const loseAgent = async (
  ctx: Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now' | 'config' | 'ownerId'>,
  callId: string,
  jobId: string,
): Promise<void> => {
  if (!(await releaseCall(ctx.db, callId, jobId))) return;
  await appendEvent(ctx.db, callId, 'agent_lost', { jobId });
  const call = await findCall(ctx.db, callId);
  if (call === null || !isOpen(call.status) || isBeingTransferred(call, ctx.now())) return;
  ctx.log.error({ callId, attempt: call.attempt }, 'call process lost');
  await redispatch(ctx, call);
};
