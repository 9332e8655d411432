/**
 * Transfers the caller to a person: a cold transfer, for which LiveKit sends a SIP REFER to the carrier
 * (https://docs.livekit.io/sip/transfer-cold). The room stays until the outcome is known; if the transfer failed, so does the caller.
 */
import { findDestination, type TransferDestination } from '../../campaigns/campaign.ts';
import { findSettings } from '../../campaigns/store.ts';
import type { Context } from '../../context.ts';
import { describeError } from '../../errors.ts';
import type { Call } from '../call.ts';
import { recordFact } from '../record-fact.ts';
import { appendEvent, findCall } from '../store.ts';
import { endTransfer, claimTransfer } from './transfer-store.ts';

type TransferContext = Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now'>;

/** Who requests it: the model, a person through the API, or we ourselves because the conversation can't go on. */
type TransferCause = 'model' | 'person' | 'fallback';

/**
 * The outcome: a person took over the caller; nobody did; the campaign lists no such destination; or another transfer is under way, or the
 * call is over.
 */
type TransferOutcome = 'taken_over' | 'failed' | 'refused' | 'under_way';

/**
 * Transfers the caller to one of the destinations that the call's campaign lists.
 * @param destination its name
 */
export const transferCaller = async (
  ctx: TransferContext,
  callId: string,
  { destination, cause }: Readonly<{ destination: string; cause: TransferCause }>,
): Promise<TransferOutcome> => {
  const call = await findCall(ctx.db, callId);
  const listed = call === null ? null : await listedDestination(ctx, call, destination);
  if (call === null || listed === null || call.callerIdentity === null) {
    // Whatever a caller talked the model into isn't kept.
    await appendEvent(ctx.db, callId, 'transfer_refused', { cause });
    return 'refused';
  }
  if (!(await claimTransfer(ctx.db, callId, listed.number, ctx.now()))) return 'under_way';
  await appendEvent(ctx.db, callId, 'transfer_requested', { destination: listed.name, cause });
  return connect(ctx, call, call.callerIdentity, listed);
};

const listedDestination = async (
  { db }: TransferContext,
  { campaignId, campaignVersionId }: Call,
  destination: string,
): Promise<TransferDestination | null> => {
  const settings = campaignId === null ? null : await findSettings(db, campaignId, campaignVersionId);
  return settings === null ? null : findDestination(settings, destination);
};

const connect = async (
  ctx: TransferContext,
  call: Call,
  callerIdentity: string,
  destination: TransferDestination,
): Promise<TransferOutcome> => {
  try {
    await ctx.livekit.transfer(call.roomName, callerIdentity, destination.number);
  } catch (error) {
    ctx.log.error({ callId: call.id, err: describeError(error) }, 'transfer failed');
    await endTransfer(ctx.db, call.id, 'failed');
    await appendEvent(ctx.db, call.id, 'transfer_failed', { destination: destination.name });
    return 'failed';
  }
  await endTransfer(ctx.db, call.id, 'done');
  await appendEvent(ctx.db, call.id, 'transferred', { destination: destination.name });
  await recordFact(ctx, call.id, { kind: 'transferred', at: ctx.now() });
  return 'taken_over';
};
