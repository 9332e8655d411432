/**
 * Ends open calls whose room or caller is gone and no event said so: by LiveKit's own state, never by the clock alone. Orphaned calls are
 * handled much sooner (watchdog.ts).
 */
import type { Context } from '../../context.ts';
import type { Call } from '../call.ts';
import { recordFact } from '../record-fact.ts';
import { findOpenRooms } from '../store.ts';

/** A room may be created a moment after its call was reported. */
const youngMs = 30_000;

type ReconcileContext = Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now' | 'ownerId'>;
type OpenCall = Pick<Call, 'id' | 'roomName' | 'ownerId' | 'callerIdentity'>;

/** Opens the reconciler. A call ends when its room or caller is missing in two runs in a row. */
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

/** Whether our agent is alone in the room. */
const isDeserted = async ({ livekit, ownerId }: ReconcileContext, call: OpenCall): Promise<boolean> => {
  if (call.ownerId !== ownerId) return false;
  const members = (await livekit.members(call.roomName)) ?? [];
  return !members.some(({ identity }) => identity === call.callerIdentity);
};

const end = async (ctx: ReconcileContext, { id, roomName }: OpenCall, reason: string): Promise<void> => {
  if (reason === 'caller_gone') await ctx.livekit.deleteRoom(roomName);
  await recordFact(ctx, id, { kind: 'lost', at: ctx.now(), reason });
};
