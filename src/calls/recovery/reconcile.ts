/**
 * Open calls whose room, or whose caller, is gone without a word: their records get their end from LiveKit's own state, never from the
 * clock alone. Calls that no service holds are looked after much sooner (attend-calls.ts).
 */
import type { Context } from '../../context.ts';
import type { Call } from '../call.ts';
import { recordFact } from '../record-fact.ts';
import { findOpenRooms } from '../store.ts';

/** A room is made a moment after its call was told of. */
const youngMs = 30_000;

type ReconcileContext = Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now' | 'ownerId'>;
type OpenCall = Pick<Call, 'id' | 'roomName' | 'ownerId' | 'callerIdentity'>;

/** Opens the reconciler. Each call of it looks once; a call ends of which something is missing at two looks in a row. */
export const openReconciler = (ctx: ReconcileContext): (() => Promise<void>) => {
  let missingBefore = new Set<string>();
  return async () => {
    const open = await findOpenRooms(ctx.db, new Date(ctx.now().getTime() - youngMs));
    const rooms = open.length === 0 ? new Set() : await ctx.livekit.existingRooms(open.map(({ roomName }) => roomName));
    const missing = new Set<string>();
    for (const call of open) {
      const reason = !rooms.has(call.roomName) ? 'room_gone' : (await isDeserted(ctx, call)) ? 'caller_gone' : null;
      if (reason === null) continue;
      missing.add(call.id);
      if (missingBefore.has(call.id)) await end(ctx, call, reason);
    }
    missingBefore = missing;
  };
};

/** Whether our agent speaks to nobody. */
const isDeserted = async ({ livekit, ownerId }: ReconcileContext, call: OpenCall): Promise<boolean> => {
  if (call.ownerId !== ownerId) return false;
  const members = (await livekit.members(call.roomName)) ?? [];
  return !members.some(({ identity }) => identity === call.callerIdentity);
};

const end = async (ctx: ReconcileContext, { id, roomName }: OpenCall, reason: string): Promise<void> => {
  if (reason === 'caller_gone') await ctx.livekit.deleteRoom(roomName);
  await recordFact(ctx, id, { kind: 'lost', at: ctx.now(), reason });
};
